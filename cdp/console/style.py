"""How the pages look: one stylesheet, inside the page, allowed by its hash alone.

- No file to fetch, no font, no picture: a page is one request.
- Both answers of a purpose look the same. State is told in words, not by colour alone.
- It works at 320 pixels and at 400 % zoom; Korean breaks between words.
- Contrast of text is at least 7 to 1 in both schemes (WCAG 2.2, 1.4.6).

Source: CSP Level 3 section 8.4, hashes of inline styles.
"""

import base64
import hashlib
from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--back:#f5f6f4;--card:#fff;--ink:#1b2126;--soft:#434c54;
--line:#8a949c;--edge:#d8dddc;--mark:#0c4a57;--on:#0d4f36;--on-back:#e2f1e8;
--tell:#eaf1f4}
@media(prefers-color-scheme:dark){:root{--back:#14181b;--card:#1d2327;--ink:#eef1f2;
--soft:#c3cbd0;--line:#7d878e;--edge:#39434a;--mark:#a5dbe6;--on:#a8e5c4;
--on-back:#173527;--tell:#1a2c33}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:1.0625rem/1.65 system-ui,
-apple-system,"Segoe UI","Apple SD Gothic Neo","Noto Sans KR","Nanum Gothic",
sans-serif;word-break:keep-all;overflow-wrap:anywhere;-webkit-text-size-adjust:100%}
main{max-width:42rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.3;margin:.25rem 0 .75rem}
h2{font-size:1.25rem;line-height:1.4;margin:2.25rem 0 .35rem}
h3{font-size:1.15rem;line-height:1.4;margin:0}
p{margin:.5rem 0}
.soft{color:var(--soft)}
.language{display:flex;justify-content:flex-end}
.card{background:var(--card);border:1px solid var(--edge);border-radius:.75rem;
padding:1.1rem 1.1rem 1.2rem;margin:1rem 0}
.card:target{border-color:var(--mark);box-shadow:0 0 0 1px var(--mark)}
.head{display:flex;flex-wrap:wrap;gap:.4rem .8rem;align-items:center;
justify-content:space-between}
.state{margin:0;padding:.1rem .7rem;border-radius:1rem;border:1px solid var(--line);
font-weight:600;font-size:.95rem}
.state.on{background:var(--on-back);color:var(--on);border-color:var(--on)}
.tell{background:var(--tell);border-left:.3rem solid var(--mark);border-radius:.3rem;
padding:.6rem .9rem;margin:.8rem 0}
.tell p{margin:.15rem 0}
dl{margin:.7rem 0;display:grid;grid-template-columns:9.5rem 1fr;gap:.2rem 1rem}
dt{color:var(--soft)}
dd{margin:0}
summary{cursor:pointer;padding:.35rem 0;font-weight:600}
.answers{display:flex;flex-wrap:wrap;gap:.75rem;margin:.9rem 0 0}
button{font:inherit;font-weight:600;color:var(--ink);background:var(--card);
border:2px solid var(--ink);border-radius:.5rem;min-height:3rem;padding:.5rem 1rem;
cursor:pointer;white-space:normal}
.answers button{flex:1 1 11rem}
button:hover{background:var(--tell)}
:focus-visible{outline:3px solid var(--mark);outline-offset:3px}
.quiet{border-width:1px;border-color:var(--line);font-weight:400;min-height:2.75rem}
a{color:var(--mark)}
.language a{display:inline-block;padding:.6rem .2rem}
code{font-family:ui-monospace,monospace;font-size:.95em;overflow-wrap:anywhere}
ul{padding-left:1.2rem}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);
white-space:nowrap}
@media(max-width:30rem){dl{grid-template-columns:1fr;gap:0}dd{margin:0 0 .4rem}}
@media(prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
"""

STYLE_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
