//! One schema for both backends: every column uses a type both can hold.
#![allow(missing_docs, reason = "the migrations describe the tables")]
use diesel::{allow_tables_to_appear_in_same_query, joinable, table};

table! {
    people (id) {
        id -> Text, email -> Text, name -> Text, active -> Bool, reachable -> Bool,
        created_at -> Timestamp, manager_id -> Nullable<Text>, left_at -> Nullable<Timestamp>,
        digest -> Bool, erased_at -> Nullable<Timestamp>,
    }
}
table! {
    absences (id) {
        id -> Text, person_id -> Text, from_day -> Text, until_day -> Text,
        delegate_id -> Nullable<Text>, set_by -> Nullable<Text>, created_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
    }
}
table! {
    auditor_terms (person_id) {
        person_id -> Text, units -> Text, from_day -> Nullable<Text>, until_day -> Nullable<Text>,
        last_day -> Nullable<Text>, seq -> BigInt,
    }
}
table! { memberships (kind, name, person_id) { kind -> Text, name -> Text, person_id -> Text, } }
table! {
    sessions (token_hash) {
        token_hash -> Text, person_id -> Text, created_at -> Timestamp, expires_at -> Timestamp,
    }
}
table! {
    sign_in_links (token_hash) {
        token_hash -> Text, person_id -> Text, created_at -> Timestamp, expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}
table! {
    api_tokens (id) {
        id -> Text, token_hash -> Text, prefix -> Text, person_id -> Text, scopes -> Text,
        created_at -> Timestamp, expires_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
    }
}
table! {
    records (id) {
        id -> Text, nr -> BigInt, kind -> Text, reference -> Text, title -> Text, body -> Text,
        status -> Text,
        risk -> Nullable<Text>, revision -> Integer, submitter_id -> Nullable<Text>,
        owner_id -> Nullable<Text>, review_id -> Nullable<Text>, source_key -> Nullable<Text>,
        created_at -> Timestamp, updated_at -> Timestamp, approval_id -> Nullable<Text>,
        standing -> Nullable<Text>, valid_until -> Nullable<Timestamp>,
    }
}
table! {
    timers (id) { id -> Text, review_id -> Text, timer -> Text, fire_at -> Timestamp, }
}
table! {
    record_facets (record_id, field, value) {
        record_id -> Text, field -> Text, value -> Text,
    }
}
table! {
    revisions (record_id, number) {
        record_id -> Text, number -> Integer, digest -> Text, salt -> Text, document -> Text,
        author_id -> Nullable<Text>, created_at -> Timestamp,
        redacted_seq -> Nullable<BigInt>, redacted_digest -> Nullable<Text>,
    }
}
table! { counters (name) { name -> Text, last -> BigInt, } }
table! {
    workflows (key, version) {
        key -> Text, version -> Integer, hash -> Text, title -> Text, text -> Text, active -> Bool,
        published_at -> Timestamp, published_by -> Nullable<Text>,
    }
}
table! {
    workflow_drafts (id) {
        id -> Text, key -> Text, base -> Integer, text -> Text, forms -> Text, state -> Text,
        seen -> Integer, reason_seq -> Nullable<BigInt>, created_at -> Timestamp,
        changed_at -> Timestamp, discarded_by -> Nullable<Text>,
    }
}
table! {
    workflow_draft_authors (draft_id, person_id) { draft_id -> Text, person_id -> Text, }
}
table! {
    calendars (key, version) {
        key -> Text, version -> Integer, hash -> Text, title -> Text, text -> Text,
        kept_at -> Timestamp, kept_by -> Nullable<Text>,
    }
}
table! {
    rule_versions (kind, key, version) {
        kind -> Text, key -> Text, version -> Integer, hash -> Text, title -> Text, text -> Text,
        published_at -> Timestamp, published_by -> Nullable<Text>,
    }
}
table! {
    rule_drafts (id) {
        id -> Text, kind -> Text, key -> Text, base -> Integer, text -> Text, state -> Text,
        seen -> Integer, reason_seq -> Nullable<BigInt>, created_at -> Timestamp,
        changed_at -> Timestamp, discarded_by -> Nullable<Text>,
    }
}
table! {
    rule_draft_authors (draft_id, person_id) { draft_id -> Text, person_id -> Text, }
}
table! {
    policy_answers (id) {
        id -> Text, seq -> BigInt, policy_key -> Text, policy_version -> Integer, asked -> Text,
        verdict -> Text, rules -> Text, person_id -> Text, record_id -> Nullable<Text>,
        kept_at -> Timestamp,
    }
}
table! {
    vendor_changes (id) {
        id -> Text, vendor_id -> Text, area -> Text, effective_on -> Nullable<Text>, state -> Text,
        reported_by -> Nullable<Text>, reported_seq -> BigInt, reported_at -> Timestamp,
        decided_by -> Nullable<Text>, decided_seq -> Nullable<BigInt>,
        decided_at -> Nullable<Timestamp>, closed_by -> Nullable<Text>,
        closed_seq -> Nullable<BigInt>, closed_at -> Nullable<Timestamp>,
    }
}
table! {
    vendor_change_cases (change_id, record_id) {
        change_id -> Text, record_id -> Text, state -> Text, review_id -> Nullable<Text>,
        outcome -> Nullable<Text>, trouble -> Nullable<Text>,
    }
}
table! {
    reviews (id) {
        id -> Text, record_id -> Text, workflow_key -> Text, workflow_version -> Integer,
        phase -> Text, state -> Text, opened_at -> Timestamp, closed_at -> Nullable<Timestamp>,
        route -> Nullable<Text>, override_until -> Nullable<Timestamp>,
    }
}
table! {
    tasks (id) {
        id -> Text, review_id -> Text, record_id -> Text, stage -> Text, epoch -> Integer,
        person_id -> Text, state -> Text, opened_at -> Timestamp, closed_at -> Nullable<Timestamp>,
        round -> Integer, due_at -> Nullable<Timestamp>,
    }
}
table! {
    decisions (id) {
        id -> Text, review_id -> Text, record_id -> Text, stage -> Text, epoch -> Integer,
        revision -> Integer, digest -> Text, person_id -> Text, outcome -> Text, method -> Text,
        seq -> BigInt, decided_at -> Timestamp, on_behalf_of -> Nullable<Text>,
    }
}
table! {
    conditions (id) {
        id -> Text, decision_id -> Text, record_id -> Text, text -> Text,
        owner_id -> Nullable<Text>, due -> Nullable<Text>, state -> Text,
        due_at -> Nullable<Timestamp>,
    }
}
table! {
    sign_off_links (token_hash) {
        token_hash -> Text, task_id -> Text, created_at -> Timestamp, expires_at -> Timestamp,
        used_at -> Nullable<Timestamp>,
    }
}
table! {
    outbox (id) {
        id -> Text, dedupe_key -> Text, template -> Text, person_id -> Text,
        record_id -> Nullable<Text>, task_id -> Nullable<Text>, context -> Text, state -> Text,
        attempts -> Integer, next_attempt_at -> Timestamp, last_error -> Nullable<Text>,
        created_at -> Timestamp, done_at -> Nullable<Timestamp>, held -> Bool,
    }
}
table! {
    unreachable_people (person_id) {
        person_id -> Text, code -> Text, bounced -> Bool, since -> Timestamp,
        taken_at -> Nullable<Timestamp>,
    }
}
table! {
    person_links (token_hash) {
        token_hash -> Text, purpose -> Text, person_id -> Text, created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
    }
}
table! {
    refusals (id) {
        id -> Text, at -> Timestamp, person_id -> Nullable<Text>, method -> Text, command -> Text,
        subject -> Text, code -> Text,
    }
}
table! {
    idempotency (person_id, key) {
        person_id -> Text, key -> Text, request_hash -> Text, answer -> Text,
        created_at -> Timestamp,
    }
}
table! { settings (name) { name -> Text, value -> Text, } }
table! { ledger_entries (seq) { seq -> BigInt, entry -> Binary, } }
table! { ledger_nodes (idx) { idx -> BigInt, hash -> Binary, } }
table! {
    ledger_private (seq, name) {
        seq -> BigInt, name -> Text, salt -> Binary, value -> Text,
    }
}
table! {
    erased_values (seq, name) { seq -> BigInt, name -> Text, entry_seq -> BigInt, }
}
table! {
    erasures (id) {
        id -> Text, person_id -> Text, basis -> Text, state -> Text, proposed_by -> Text,
        proposed_seq -> BigInt, proposed_at -> Timestamp, settled_by -> Nullable<Text>,
        settled_seq -> Nullable<BigInt>, settled_at -> Nullable<Timestamp>,
    }
}
table! {
    legal_holds (id) {
        id -> Text, person_id -> Nullable<Text>, record_id -> Nullable<Text>,
        set_by -> Nullable<Text>, set_seq -> BigInt, set_at -> Timestamp,
        lifted_by -> Nullable<Text>, lifted_seq -> Nullable<BigInt>,
        lifted_at -> Nullable<Timestamp>,
    }
}
table! {
    retention_rules (id) {
        id -> Text, values_months -> Nullable<Integer>, links_days -> Nullable<Integer>,
        state -> Text, proposed_by -> Text, proposed_seq -> BigInt, proposed_at -> Timestamp,
        settled_by -> Nullable<Text>, settled_seq -> Nullable<BigInt>,
        settled_at -> Nullable<Timestamp>,
    }
}
table! {
    ledger_index (seq) {
        seq -> BigInt, at -> Timestamp, kind -> Text, actor_id -> Nullable<Text>,
        person_id -> Nullable<Text>, record_id -> Nullable<Text>, review_id -> Nullable<Text>,
        stage -> Nullable<Text>, outcome -> Nullable<Text>, record_seq -> Nullable<BigInt>,
    }
}
table! {
    evidence_files (digest) {
        digest -> Text, media_type -> Text, bytes -> BigInt, erased_seq -> Nullable<BigInt>,
    }
}
table! {
    evidence_uses (id) {
        id -> Text, digest -> Text, record_id -> Text, seq -> BigInt, place -> Integer,
    }
}
table! {
    test_results (id) {
        id -> Text, record_id -> Text, plan -> Text, plan_version -> Integer, gate -> Text,
        value -> BigInt, met -> Bool, performed_on -> Text, valid_until -> Text,
        recorded_by -> Text, seq -> BigInt, at -> Timestamp,
    }
}
table! {
    test_waivers (id) {
        id -> Text, record_id -> Text, plan -> Text, gate -> Text, until -> Text, state -> Text,
        asked_by -> Text, asked_seq -> BigInt, asked_at -> Timestamp,
        settled_by -> Nullable<Text>, settled_seq -> Nullable<BigInt>,
        settled_at -> Nullable<Timestamp>,
    }
}

table! {
    oversight_arrangements (id) {
        id -> Text, record_id -> Text, named_on -> Text, arranged_by -> Text, seq -> BigInt,
        at -> Timestamp,
    }
}
table! {
    overseers (arrangement_id, person_id) {
        arrangement_id -> Text, person_id -> Text,
    }
}
table! {
    oversight_samples (id) {
        id -> Text, record_id -> Text, looked_on -> Text, looked_at -> Integer,
        overridden -> Integer, recorded_by -> Text, seq -> BigInt, at -> Timestamp,
        withdrawn_by -> Nullable<Text>, withdrawn_seq -> Nullable<BigInt>,
        withdrawn_at -> Nullable<Timestamp>,
    }
}

table! {
    risk_assessments (id) {
        id -> Text, record_id -> Text, revision -> Integer, rules_version -> Integer,
        tier -> Text, class -> Text, role -> Text, answers -> Text, assessed_on -> Text,
        valid_until -> Text, assessed_by -> Text, seq -> BigInt, at -> Timestamp,
    }
}
table! {
    risk_scores (assessment_id, area) {
        assessment_id -> Text, area -> Text, inherent_likelihood -> Nullable<Integer>,
        inherent_impact -> Nullable<Integer>, residual_likelihood -> Nullable<Integer>,
        residual_impact -> Nullable<Integer>, mitigation_owner -> Nullable<Text>,
        mitigation_due -> Nullable<Text>,
    }
}
table! {
    risk_escalations (id) {
        id -> Text, assessment_id -> Text, record_id -> Text, rule -> Text, areas -> Text,
        role -> Text, due_on -> Text, state -> Text, accepted_until -> Nullable<Text>,
        settled_by -> Nullable<Text>, settled_seq -> Nullable<BigInt>,
        settled_at -> Nullable<Timestamp>,
    }
}

joinable!(overseers -> oversight_arrangements (arrangement_id));
joinable!(evidence_uses -> evidence_files (digest));
joinable!(vendor_change_cases -> vendor_changes (change_id));
joinable!(vendor_change_cases -> records (record_id));
joinable!(tasks -> records (record_id));
joinable!(tasks -> people (person_id));
joinable!(unreachable_people -> people (person_id));
joinable!(decisions -> people (person_id));
joinable!(record_facets -> records (record_id));
joinable!(sign_off_links -> tasks (task_id));
joinable!(ledger_index -> ledger_entries (seq));
joinable!(ledger_private -> ledger_index (seq));
joinable!(conditions -> decisions (decision_id));
table! {
    ledger_checkpoints (origin, size) {
        origin -> Text, size -> BigInt, note -> Text, at -> Timestamp,
    }
}
table! {
    ledger_cosignatures (origin, size, witness) {
        origin -> Text, size -> BigInt, witness -> Text, line -> Text, at -> Timestamp,
    }
}
table! {
    ledger_stamps (origin, size) {
        origin -> Text, size -> BigInt, answer -> Text, at -> Timestamp,
    }
}
table! {
    ledger_askings (whom) { whom -> Text, at -> Timestamp, trouble -> Nullable<Text>, }
}
table! {
    checkpoint_readers (person_id) {
        person_id -> Text, origin -> Nullable<Text>, size -> Nullable<BigInt>,
    }
}
table! {
    ledger_keys (vkey) {
        vkey -> Text, origin -> Text, seq -> BigInt, retired_seq -> Nullable<BigInt>,
    }
}

table! {
    joins (record_id) {
        record_id -> Text, base_id -> Text, approval_id -> Text, revision -> Integer,
        digest -> Text, conditions -> Integer, person_id -> Text, seq -> BigInt,
        joined_at -> Timestamp,
    }
}
table! {
    join_limits (seq) {
        seq -> BigInt, record_id -> Text, places -> Nullable<Integer>, person_id -> Text,
        set_at -> Timestamp,
    }
}

allow_tables_to_appear_in_same_query!(
    people,
    timers,
    absences,
    auditor_terms,
    memberships,
    sessions,
    sign_in_links,
    api_tokens,
    records,
    record_facets,
    revisions,
    counters,
    workflows,
    workflow_drafts,
    workflow_draft_authors,
    calendars,
    rule_versions,
    rule_drafts,
    rule_draft_authors,
    policy_answers,
    joins,
    join_limits,
    evidence_files,
    evidence_uses,
    test_results,
    test_waivers,
    oversight_arrangements,
    overseers,
    oversight_samples,
    risk_assessments,
    risk_scores,
    risk_escalations,
    vendor_changes,
    vendor_change_cases,
    reviews,
    tasks,
    decisions,
    conditions,
    sign_off_links,
    outbox,
    unreachable_people,
    person_links,
    refusals,
    idempotency,
    settings,
    ledger_entries,
    ledger_nodes,
    ledger_private,
    erased_values,
    erasures,
    legal_holds,
    retention_rules,
    ledger_index,
    ledger_checkpoints,
    ledger_cosignatures,
    ledger_stamps,
    ledger_askings,
    checkpoint_readers,
    ledger_keys,
);
