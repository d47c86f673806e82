// Makes gpp_strings.json: GPP strings of all sections with values of our own, written and
// read again by the official library.
//
//   npm install --prefix FOLDER @iabgpp/cmpapi@3.2.0
//   node tests/vectors/make_gpp_strings.mjs FOLDER > tests/vectors/gpp_strings.json
//
// Nothing is random and no clock is read, so that it always makes the same file.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const folder = resolve(process.argv[2], "node_modules/@iabgpp/cmpapi/lib/mjs/encoder");
const load = (file) => import(pathToFileURL(resolve(folder, file)).href);
const { GppModel } = await load("GppModel.js");
const { Sections } = await load("section/Sections.js");

const US = [...Array(21).keys()].map((place) => place + 7);
const FIXED = new Set(["Version", "GpcSegmentType"]);
const nameOf = (id) => Sections.SECTION_ID_NAME_MAP.get(id);

// What every item is, by its place: all 1, all 2, or 0, 1 and 2 in turn.
const PATTERNS = {
  refused: () => 1,
  not_refused: () => 2,
  mixed: (place) => (7 * place + 1) % 3,
};

function fill(model, id, pattern, { gpc, isShort }) {
  const name = nameOf(id);
  model.setFieldValue(name, id >= 24 ? "MspaMode" : "SaleOptOut", 0);
  let place = 0;
  for (const [field, value] of Object.entries(model.getSection(name))) {
    if (FIXED.has(field)) continue;
    if (field === "Gpc") model.setFieldValue(name, field, gpc);
    else if (field === "MspaVersion") model.setFieldValue(name, field, id);
    else if (field === "MspaCoveredTransaction") model.setFieldValue(name, field, 1 + (id % 2));
    else if (Array.isArray(value)) model.setFieldValue(name, field, value.map(() => pattern(place++)));
    else model.setFieldValue(name, field, pattern(place++));
  }
  if (!isShort) return;
  const included = id >= 25 ? "SensitiveDataConsentSegmentIncluded" : "GpcSegmentIncluded";
  if (model.hasField(name, included)) model.setFieldValue(name, included, false);
}

function fillPrivacy(model, letters) {
  const fields = ["Notice", "OptOutSale", "LspaCovered"];
  fields.forEach((field, place) => model.setFieldValue("uspv1", field, letters[place]));
}

function fillEurope(model) {
  const bits = (count, on) => [...Array(count).keys()].map((place) => on.includes(place + 1));
  const values = {
    IsServiceSpecific: true,
    CmpId: 300,
    CmpVersion: 7,
    ConsentScreen: 3,
    ConsentLanguage: "KO",
    VendorListVersion: 61,
    PolicyVersion: 5,
    SpecialFeatureOptins: bits(12, [1]),
    PurposeConsents: bits(24, [1, 3, 4, 7]),
    PurposeLegitimateInterests: bits(24, [2, 7, 8]),
    PublisherCountryCode: "KR",
    VendorConsents: [2, 3, 4, 5, 91, 1000],
    VendorLegitimateInterests: [7],
    VendorsDisclosed: [2, 3, 4, 5, 7, 91, 1000],
    PublisherConsents: bits(24, [1, 2]),
    Created: new Date("2026-02-03T00:00:00Z"),
  };
  for (const [field, value] of Object.entries(values)) model.setFieldValue("tcfeuv2", field, value);
}

function fillCanada(model, vendors) {
  const bits = (count, on) => [...Array(count).keys()].map((place) => on.includes(place + 1));
  const values = {
    CmpId: 301,
    ConsentLanguage: "FR",
    VendorListVersion: 44,
    UseNonStandardStacks: true,
    SpecialFeatureExpressConsent: bits(12, [2]),
    PurposesExpressConsent: bits(24, [2, 3]),
    PurposesImpliedConsent: bits(24, [4, 24]),
    VendorExpressConsent: vendors,
    VendorImpliedConsent: [1, 2, 3],
    PubPurposesExpressConsent: bits(24, [5]),
    DisclosedVendors: vendors,
    Created: new Date("2026-02-03T00:00:00Z"),
    LastUpdated: new Date("2026-02-04T00:00:00Z"),
  };
  for (const [field, value] of Object.entries(values)) model.setFieldValue("tcfcav1", field, value);
}

const vectors = [];

function add(name, write) {
  const model = new GppModel();
  write(model);
  const string = model.encode();
  const read = new GppModel(string);
  const sectionIds = read.getSectionIds();
  const sections = Object.fromEntries(sectionIds.map((id) => [nameOf(id), read.getSection(nameOf(id))]));
  vectors.push({ name, string, expected: { sectionIds, sections } });
}

for (const id of US) {
  for (const [name, pattern] of Object.entries(PATTERNS)) {
    const options = { gpc: name === "refused", isShort: name === "not_refused" };
    add(`${nameOf(id)}_${name}`, (model) => fill(model, id, pattern, options));
  }
}
add("usnat_version_1", (model) => {
  fill(model, 7, PATTERNS.mixed, { gpc: true, isShort: false });
  model.setFieldValue("usnat", "Version", 1);
});
for (const letters of ["YYN", "NN-", "---"]) {
  add(`uspv1_${letters}`, (model) => fillPrivacy(model, letters));
}
add("tcfeuv2", fillEurope);
add("tcfcav1_bits", (model) => fillCanada(model, [1, 3, 5, 6, 9]));
add("tcfcav1_ranges", (model) => fillCanada(model, [12, 500, 501, 502, 60000]));
add("west_coast", (model) => {
  for (const id of [8, 15]) fill(model, id, PATTERNS.refused, { gpc: true, isShort: false });
});
add("everything", (model) => {
  fillEurope(model);
  fillCanada(model, [8]);
  fillPrivacy(model, "YNN");
  for (const id of US) fill(model, id, PATTERNS.mixed, { gpc: id % 2 === 0, isShort: false });
});

const lines = vectors.map((vector) => `  ${JSON.stringify(vector)}`).join(",\n");
console.log(`{\n "made_with": "@iabgpp/cmpapi 3.2.0",\n "vectors": [\n${lines}\n ]\n}`);
