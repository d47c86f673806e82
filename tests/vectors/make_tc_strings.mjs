// Makes tc_strings.json: TC strings with values of our own, written and read again by the
// official library, over a small vendor list that is made up here.
//
//   npm install --prefix FOLDER @iabtechlabtcf/core@1.5.21
//   node tests/vectors/make_tc_strings.mjs FOLDER > tests/vectors/tc_strings.json
//
// Nothing is random and no clock is read, so that it always makes the same file.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const library = resolve(process.argv[2], "node_modules/@iabtechlabtcf/core/lib/mjs/index.js");
const { GVL, TCModel, TCString, PurposeRestriction } = await import(pathToFileURL(library).href);

const PURPOSES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const entry = (id, name) => ({ id, name, description: name, illustrations: [] });
const table = (ids, name) => Object.fromEntries(ids.map((id) => [id, entry(id, `${name} ${id}`)]));
const count = (from, to) => Array.from({ length: to - from + 1 }, (_, place) => from + place);

// Every vendor has purposes on both bases, so that the encoder leaves its bits in.
function vendor(id) {
  return {
    id,
    name: `vendor ${id}`,
    purposes: [1, 3, 4, 5, 6, 8, 9],
    legIntPurposes: [2, 7, 10, 11],
    flexiblePurposes: [2, 7, 8, 9, 10, 11],
    specialPurposes: [],
    features: [],
    specialFeatures: [1, 2],
    policyUrl: "https://vendor.example/policy",
  };
}

function list(vendorListVersion, tcfPolicyVersion, ids) {
  return new GVL({
    gvlSpecificationVersion: tcfPolicyVersion >= 4 ? 3 : 2,
    vendorListVersion,
    tcfPolicyVersion,
    lastUpdated: "2024-01-01T00:00:00Z",
    purposes: table(PURPOSES, "purpose"),
    specialPurposes: table([1, 2, 3], "special purpose"),
    features: table([1, 2, 3], "feature"),
    specialFeatures: table([1, 2], "special feature"),
    stacks: {},
    vendors: Object.fromEntries(ids.map((id) => [id, vendor(id)])),
  });
}

const FEW = count(1, 40);
const MANY = count(1, 900);
const FAR = [2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 65535];
const odd = (ids) => ids.filter((id) => id % 2);

// Each case: its vendor list (version, policy, ids) and what is set.
const CASES = {
  nothing_is_granted: { gvl: [10, 4, FEW] },
  everything_is_granted: {
    gvl: [11, 5, FEW],
    purposes: PURPOSES, interests: [2, 7, 8, 9, 10, 11], features: [1, 2],
    vendors: FEW, vendorInterests: FEW, disclosed: FEW,
    publisher: PURPOSES, publisherInterests: [2, 7],
  },
  only_the_device: { gvl: [12, 4, FEW], purposes: [1], vendors: [7], disclosed: FEW },
  a_single_vendor_far_out: { gvl: [13, 5, FAR], purposes: PURPOSES, vendors: [65535], disclosed: FAR },
  the_first_and_the_last_vendor: { gvl: [14, 5, FAR], purposes: [2, 7], vendors: [2, 65535], vendorInterests: [65535], disclosed: FAR },
  one_long_range: { gvl: [15, 5, MANY], purposes: [8, 9, 10], vendors: MANY, vendorInterests: MANY, disclosed: MANY },
  two_ranges_and_a_gap: { gvl: [16, 4, MANY], purposes: [1, 8], vendors: [...count(1, 300), ...count(500, 900)], disclosed: count(100, 800) },
  every_other_vendor: { gvl: [17, 5, MANY], purposes: [1, 2, 3], vendors: odd(MANY), vendorInterests: odd(FEW), disclosed: MANY },
  single_vendors_far_apart: { gvl: [18, 4, MANY], purposes: [1], vendors: [1, 150, 300, 450, 600, 750, 900], disclosed: [900] },
  nobody_may: { gvl: [19, 4, FEW], purposes: [1, 2, 8], vendors: FEW, restrictions: [[8, 0, FEW]] },
  consent_is_required: { gvl: [20, 4, FEW], interests: [2, 7], vendorInterests: FEW, restrictions: [[2, 1, [3, 4, 5, 9]], [7, 1, [9]]] },
  interest_is_required: { gvl: [21, 4, FEW], purposes: [8, 9], vendors: FEW, restrictions: [[8, 2, [1, 2, 3, 20]], [9, 2, [40]]] },
  all_kinds_of_restriction: {
    gvl: [22, 5, FEW],
    purposes: PURPOSES, interests: [2, 7, 10], vendors: FEW, vendorInterests: FEW, disclosed: FEW,
    restrictions: [[1, 0, [5]], [2, 1, odd(FEW)], [8, 2, [6, 7, 8]], [10, 0, FEW], [11, 1, [1, 40]]],
  },
  a_publisher_with_purposes_of_its_own: {
    gvl: [23, 5, FEW], purposes: [1, 2], vendors: [1], disclosed: FEW,
    publisher: [1, 3], publisherInterests: [7], custom: 5, customConsents: [1, 4, 5], customInterests: [2],
  },
  as_many_purposes_of_its_own_as_fit: {
    gvl: [24, 4, FEW], publisher: [2], custom: 63, customConsents: odd(count(1, 63)), customInterests: count(1, 63),
  },
  purpose_one_was_not_asked_about: { gvl: [25, 4, FEW], purposeOneTreatment: true, country: "DE", purposes: [2, 3], vendors: [2] },
  texts_of_its_own: { gvl: [26, 4, FEW], nonStandard: true, purposes: [5, 6], vendors: [3, 4] },
  of_many_services: { gvl: [27, 2, FEW], global: true, purposes: PURPOSES, vendors: FEW, disclosed: FEW },
  with_allowed_vendors: {
    gvl: [28, 2, FEW], global: true, forVendors: true,
    purposes: [1, 2], vendors: FEW, disclosed: odd(FEW), allowed: [3, 5, 7, 39], publisher: [1],
  },
  with_a_time_of_day: { gvl: [29, 2, FEW], created: "2022-03-04T05:06:07.800Z", updated: "2022-11-12T13:14:15.900Z", purposes: [1, 8], vendors: [11] },
  created_before_it_was_changed: { gvl: [30, 4, FEW], created: "2024-02-29T00:00:00Z", updated: "2024-12-31T00:00:00Z", purposes: [9], vendors: [12] },
  the_largest_numbers: { gvl: [4095, 63, FEW], cmpId: 4095, cmpVersion: 4095, screen: 63, country: "ZZ", purposes: [11], vendors: [40] },
  the_smallest_cmp: { gvl: [1, 4, FEW], cmpId: 2, cmpVersion: 0, screen: 0, country: "AA", purposes: [1], vendors: [1] },
};

function model(what) {
  const tc = new TCModel(list(...what.gvl));
  tc.cmpId = what.cmpId ?? 31;
  tc.cmpVersion = what.cmpVersion ?? 4;
  tc.consentScreen = what.screen ?? 2;
  tc.publisherCountryCode = what.country ?? "KR";
  tc.isServiceSpecific = !what.global;
  tc.supportOOB = Boolean(what.forVendors);
  tc.useNonStandardTexts = Boolean(what.nonStandard);
  tc.purposeOneTreatment = Boolean(what.purposeOneTreatment);
  tc.specialFeatureOptins.set(what.features ?? []);
  tc.purposeConsents.set(what.purposes ?? []);
  tc.purposeLegitimateInterests.set(what.interests ?? []);
  tc.vendorConsents.set(what.vendors ?? []);
  tc.vendorLegitimateInterests.set(what.vendorInterests ?? []);
  tc.vendorsDisclosed.set(what.disclosed ?? []);
  tc.vendorsAllowed.set(what.allowed ?? []);
  for (const [purpose, type, vendors] of what.restrictions ?? []) {
    for (const id of vendors) tc.publisherRestrictions.add(id, new PurposeRestriction(purpose, type));
  }
  tc.publisherConsents.set(what.publisher ?? []);
  tc.publisherLegitimateInterests.set(what.publisherInterests ?? []);
  tc.numCustomPurposes = what.custom ?? 0;
  tc.publisherCustomConsents.set(what.customConsents ?? []);
  tc.publisherCustomLegitimateInterests.set(what.customInterests ?? []);
  // Last, for every setter above moves the second of them to the day of the run.
  tc.created = new Date(what.created ?? "2025-06-01T00:00:00Z");
  tc.lastUpdated = new Date(what.updated ?? what.created ?? "2025-06-01T00:00:00Z");
  return tc;
}

const ids = (vector) => [...vector.values()].sort((a, b) => a - b);

// The names are those of cdp.consent.decoders.tcf.TCString.
function read(text) {
  const tc = TCString.decode(text);
  return {
    version: tc.version,
    created: tc.created.toISOString(),
    last_updated: tc.lastUpdated.toISOString(),
    cmp_id: tc.cmpId,
    cmp_version: tc.cmpVersion,
    consent_screen: tc.consentScreen,
    consent_language: tc.consentLanguage,
    vendor_list_version: tc.vendorListVersion,
    tcf_policy_version: tc.policyVersion,
    is_service_specific: tc.isServiceSpecific,
    use_non_standard_texts: tc.useNonStandardTexts,
    special_feature_opt_ins: ids(tc.specialFeatureOptins),
    purposes_consent: ids(tc.purposeConsents),
    purposes_li_transparency: ids(tc.purposeLegitimateInterests),
    purpose_one_treatment: tc.purposeOneTreatment,
    publisher_cc: tc.publisherCountryCode,
    vendor_consents: ids(tc.vendorConsents),
    vendor_legitimate_interests: ids(tc.vendorLegitimateInterests),
    publisher_restrictions: tc.publisherRestrictions
      .getRestrictions()
      .map((one) => [one.purposeId, one.restrictionType, tc.publisherRestrictions.getVendors(one)])
      .sort((a, b) => a[0] - b[0] || a[1] - b[1]),
    disclosed_vendors: ids(tc.vendorsDisclosed),
    allowed_vendors: ids(tc.vendorsAllowed),
    pub_purposes_consent: ids(tc.publisherConsents),
    pub_purposes_li_transparency: ids(tc.publisherLegitimateInterests),
    num_custom_purposes: Number(tc.numCustomPurposes),
    custom_purposes_consent: ids(tc.publisherCustomConsents),
    custom_purposes_li_transparency: ids(tc.publisherCustomLegitimateInterests),
  };
}

const vectors = Object.entries(CASES).map(([name, what]) => {
  const string = TCString.encode(model(what), { isForVendors: Boolean(what.forVendors) });
  return { name, string, expected: read(string) };
});
const lines = vectors.map((vector) => JSON.stringify(vector)).join(",\n");
process.stdout.write(`{"made_with":"npm @iabtechlabtcf/core 1.5.21","vectors":[\n${lines}\n]}\n`);
