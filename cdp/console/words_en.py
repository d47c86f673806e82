"""The words of the pages in English."""

from typing import Final

from cdp.console.words import Trouble, Words

_BANNER: Final = "the consent settings of our website or app"

EN: Final = Words(
    title="Your consent choices",
    other_language="한국어로 보기",
    language_name="English",
    landing="Here you can see what your data may be used for, and change it.",
    landing_once=(
        "The link opens once. After that you have 15 minutes on the page. Looking "
        "changes nothing."
    ),
    landing_open="Open my choices",
    landing_not_mine=(
        "You did not ask for this link? Then close this window. Nothing happens."
    ),
    lead=(
        "You decide for each purpose on its own. You can say no and still use the "
        "service. You can change your mind at any time, with one click either way."
    ),
    usable_until="You can use this page until {}.",
    choices="Purpose by purpose",
    each_apart="Each button decides one purpose only, and counts at once.",
    all_off="Say no to everything",
    all_off_lead=(
        "This answers every purpose below with no, those you agreed to and those you "
        "have not answered yet."
    ),
    all_off_button="I do not agree to anything",
    is_on="In use",
    is_off="Not in use",
    why_off="Why it is off",
    on_by_default=(
        "You have not answered. Where you live this is allowed until you object."
    ),
    elsewhere_on=(
        "On another device or account there is a yes. What you decide here counts for "
        "all of them."
    ),
    details="How it stands",
    decision="Answer",
    said_yes="Yes",
    said_no="No",
    said_nothing="None so far",
    decided_at="Given on",
    came_from="Given through",
    answer_kind="Kind of answer",
    answered_by="Given by",
    lasts_until="Ends",
    lasts_open="No end date",
    reconfirm="We remind you before",
    no_ask="We do not ask again before",
    notice="Under the text",
    passed_on="Also passed on to",
    not_passed_on="Not passed on to",
    agree="I agree",
    agree_again="I agree again",
    refuse="I do not agree",
    withdraw="I withdraw my consent",
    object_to="I object",
    stop_objecting="I do not object",
    terms="What you agree to",
    terms_purpose="Why we use it",
    terms_items="What we use",
    terms_retention="How long we keep it",
    terms_refusal="If you say no",
    terms_recipient="Who gets it",
    terms_country="Which country it goes to",
    notice_today="Version of this text",
    no_terms=(
        "There is no text that you could agree to at the moment, so we do not ask. You "
        "can still say no."
    ),
    needs_guardian=(
        "A parent or guardian has to agree for you. Please contact us together."
    ),
    signal_notice=(
        "Your browser sent an opt-out signal (Global Privacy Control), and we follow "
        "it. If you agree here, your answer here counts instead of the signal."
    ),
    level="How personal it may be",
    level_lead="How much may be tailored to you, from 0 to 3.",
    level_now="Now: {}",
    level_apart="To have more, agree to the purposes above one by one.",
    levels=(
        "0 (not at all)",
        "1 (a little)",
        "2 (more)",
        "3 (fully)",
    ),
    required="In use without your consent",
    required_lead=(
        "These are needed for the service or by law. There is nothing to switch off."
    ),
    ground="Ground",
    saved="Saved",
    saved_on="{}: in use from now on.",
    saved_off="{}: no longer in use.",
    saved_not_yet="{}: your answer is kept, but it is not in use yet. {}",
    receipt="Receipt number",
    contact="Questions? {}",
    finish="Finish",
    finished="Finished",
    finished_lead=(
        "This page is closed. What you decided is kept. To change it, ask for a new "
        "link where you got this one."
    ),
    reasons={
        "consent.never_asked": "You have not answered. Without an answer it stays off.",
        "consent.unknown_jurisdiction": (
            "We do not know whose law protects you. To be safe it stays off."
        ),
        "consent.unknown_scope": "We do not know this use. It stays off.",
        "consent.unreadable": "We got an answer that we could not read. It stays off.",
        "consent.expired": "Your consent was given too long ago and has ended.",
        "consent.notice": (
            "What you agreed to earlier does not cover this. It stays off until you "
            "agree to the text of today."
        ),
        "consent.guardian": (
            "At your age you cannot agree alone. A parent or guardian has to."
        ),
        "consent.night": "For the night this needs a consent of its own.",
        "consent.reconfirm": "It is time to remind you of your consent first.",
        "consent.gpc": (
            "Your browser sent an opt-out signal (Global Privacy Control)."
        ),
        "consent.denied": "You said no.",
        "consent.withdrawn": "You agreed earlier and have withdrawn it.",
        "consent.conflict": (
            "Your answers on different devices or accounts differ. The no counts."
        ),
        "rights.restricted": "You asked us to restrict the use of your data.",
    },
    other_reason="A rule keeps it off.",
    carriers={
        "segment": _BANNER,
        "segment.change": _BANNER,
        "rudderstack": _BANNER,
        "snowplow": _BANNER,
        "tcf": "the cookie banner (IAB consent string)",
        "gpp": "the privacy choices of our website (IAB privacy string)",
        "consent_mode": "the Consent Mode setting of our website",
        "ga4": "the analytics setting of our app",
        "gpc": "the opt-out signal of your browser (Global Privacy Control)",
        "api": "your account or our customer service",
        "page": "this page",
        "import": "earlier records that were moved over",
        "rights": "a request you made about your data",
        "split": "the answer kept when your devices were taken apart",
    },
    other_carrier="another way",
    ranks={
        1: "your own, direct answer",
        2: "an answer of this device",
        3: "a banner that follows an industry standard",
        4: "a category that you chose",
        5: "a setting derived from your choice",
        6: "taken over with a legal basis",
    },
    other_rank="another kind of answer",
    actors={
        "self": "you",
        "guardian": "your parent or guardian",
        "agent": "somebody you authorised",
        "operator": "our staff, on your behalf",
        "migration": "an earlier system",
    },
    categories={
        "user": "data about you",
        "user.account": "your customer number",
        "user.behavior": "what you view and buy",
        "user.contact": "how to reach you",
        "user.contact.email": "your e-mail address",
        "user.contact.phone_number": "your phone number",
        "user.content": "what you write",
        "user.demographic": "facts such as household size",
        "user.demographic.age_range": "your age group",
        "user.device": "your device",
        "user.device.cookie": "a number in a cookie",
        "user.device.ip_address": "your network address",
        "user.financial": "what you pay",
        "user.government_id": "an official number of yours",
        "user.health_and_medical": "your health",
        "user.location": "your region",
        "user.name": "your name",
        "system": "technical data",
        "system.operations": "technical data of the service",
    },
    units={
        "Y": ("{} year", "{} years"),
        "M": ("{} month", "{} months"),
        "D": ("{} day", "{} days"),
    },
    grounds={
        "contract": "to keep our contract with you",
        "legal_obligation": "because the law obliges us to",
        "legitimate_interest": "a legitimate interest that does not need to know you",
        "consent": "your consent",
        "opt_out": "allowed until you object",
    },
    troubles={
        "link": Trouble(
            "This link cannot be used any more",
            "It was opened before, its time is over, or a part of it is missing. "
            "Nothing was changed.",
            "Ask for a new link where you got this one.",
        ),
        "session": Trouble(
            "Your time on this page is over",
            "To keep your data safe the page stays open for 15 minutes. Everything "
            "that was shown as saved is saved.",
            "To change more, ask for a new link where you got this one.",
        ),
        "refused": Trouble(
            "This could not be saved",
            "The answer does not fit the purposes of today. Nothing was changed.",
            "Ask for a new link and try again.",
        ),
        "text_changed": Trouble(
            "The text has changed in the meantime",
            "What you would agree to is written anew. Nothing was changed.",
            "Please read it again and decide then.",
        ),
        "unreadable": Trouble(
            "This could not be read",
            "What arrived is not what this page sends. Nothing was changed.",
            "Go back to the page and use its buttons.",
        ),
        "nothing_here": Trouble(
            "There is nothing here",
            "The address is incomplete or wrong.",
            "Open the link again exactly as you received it.",
        ),
        "later": Trouble(
            "Not possible right now",
            "Nothing was changed.",
            "Please try again in a few minutes.",
        ),
        "broken": Trouble(
            "Something failed on our side",
            "We keep a note of it, without your data.",
            "Please try again later, or ask for a new link.",
        ),
    },
)
