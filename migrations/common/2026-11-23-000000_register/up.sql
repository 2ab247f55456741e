CREATE TABLE people (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  active BOOLEAN NOT NULL DEFAULT TRUE,
  reachable BOOLEAN NOT NULL DEFAULT TRUE,
  created_at TIMESTAMP NOT NULL
);
CREATE TABLE memberships (
  kind TEXT NOT NULL CHECK (kind IN ('role', 'group')),
  name TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  PRIMARY KEY (kind, name, person_id)
);
CREATE INDEX memberships_person ON memberships (person_id);
CREATE TABLE sessions (
  token_hash TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id),
  created_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP NOT NULL
);
CREATE TABLE sign_in_links (
  token_hash TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id),
  created_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP NOT NULL,
  used_at TIMESTAMP
);
CREATE INDEX sign_in_links_person ON sign_in_links (person_id, created_at);
CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  prefix TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  scopes TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP,
  revoked_at TIMESTAMP
);
CREATE TABLE records (
  id TEXT PRIMARY KEY,
  nr BIGINT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  reference TEXT NOT NULL UNIQUE,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN
    ('registered', 'draft', 'in_review', 'changes_requested', 'approved', 'rejected', 'withdrawn',
     'abandoned', 'overridden', 'suspended', 'expired', 'revoked', 'retired')),
  risk TEXT,
  revision INTEGER NOT NULL,
  submitter_id TEXT REFERENCES people (id),
  owner_id TEXT REFERENCES people (id),
  review_id TEXT,
  source_key TEXT,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  UNIQUE (kind, source_key)
);
CREATE INDEX records_updated ON records (kind, updated_at, nr);
CREATE INDEX records_title ON records (kind, title, nr);
CREATE INDEX records_reference ON records (kind, reference, nr);
CREATE INDEX records_owner ON records (owner_id);
CREATE INDEX records_submitter ON records (submitter_id);
CREATE TABLE record_facets (
  record_id TEXT NOT NULL REFERENCES records (id),
  field TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (record_id, field, value)
);
CREATE INDEX record_facets_value ON record_facets (field, value, record_id);
CREATE TABLE revisions (
  record_id TEXT NOT NULL REFERENCES records (id),
  number INTEGER NOT NULL,
  digest TEXT NOT NULL,
  salt TEXT NOT NULL,
  document TEXT NOT NULL,
  author_id TEXT REFERENCES people (id),
  created_at TIMESTAMP NOT NULL,
  PRIMARY KEY (record_id, number)
);
CREATE TABLE counters (
  name TEXT PRIMARY KEY,
  last BIGINT NOT NULL
);
CREATE TABLE workflows (
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  hash TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  published_at TIMESTAMP NOT NULL,
  published_by TEXT REFERENCES people (id),
  PRIMARY KEY (key, version)
);
CREATE TABLE reviews (
  id TEXT PRIMARY KEY,
  record_id TEXT NOT NULL REFERENCES records (id),
  workflow_key TEXT NOT NULL,
  workflow_version INTEGER NOT NULL,
  phase TEXT NOT NULL,
  state TEXT NOT NULL,
  opened_at TIMESTAMP NOT NULL,
  closed_at TIMESTAMP,
  FOREIGN KEY (workflow_key, workflow_version) REFERENCES workflows (key, version)
);
CREATE INDEX reviews_record ON reviews (record_id);
CREATE INDEX reviews_phase ON reviews (phase);
CREATE TABLE tasks (
  id TEXT PRIMARY KEY,
  review_id TEXT NOT NULL REFERENCES reviews (id),
  record_id TEXT NOT NULL REFERENCES records (id),
  stage TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  state TEXT NOT NULL CHECK (state IN ('open', 'decided', 'closed')),
  opened_at TIMESTAMP NOT NULL,
  closed_at TIMESTAMP
);
CREATE INDEX tasks_person ON tasks (person_id, state, opened_at);
CREATE INDEX tasks_review ON tasks (review_id, state);
CREATE INDEX tasks_record ON tasks (record_id, state);
CREATE TABLE decisions (
  id TEXT PRIMARY KEY REFERENCES tasks (id),
  review_id TEXT NOT NULL REFERENCES reviews (id),
  record_id TEXT NOT NULL REFERENCES records (id),
  stage TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  digest TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  outcome TEXT NOT NULL,
  method TEXT NOT NULL,
  seq BIGINT NOT NULL UNIQUE,
  decided_at TIMESTAMP NOT NULL
);
CREATE INDEX decisions_review ON decisions (review_id, seq);
CREATE INDEX decisions_record ON decisions (record_id, seq);
CREATE TABLE conditions (
  id TEXT PRIMARY KEY,
  decision_id TEXT NOT NULL REFERENCES decisions (id),
  record_id TEXT NOT NULL REFERENCES records (id),
  text TEXT NOT NULL,
  owner_id TEXT REFERENCES people (id),
  due TEXT,
  state TEXT NOT NULL CHECK (state IN
    ('open', 'evidence_given', 'met', 'waived', 'missed', 'refused', 'void'))
);
CREATE INDEX conditions_record ON conditions (record_id);
CREATE TABLE sign_off_links (
  token_hash TEXT PRIMARY KEY,
  task_id TEXT NOT NULL REFERENCES tasks (id),
  created_at TIMESTAMP NOT NULL,
  expires_at TIMESTAMP NOT NULL,
  used_at TIMESTAMP
);
CREATE INDEX sign_off_links_task ON sign_off_links (task_id);
CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  dedupe_key TEXT NOT NULL UNIQUE,
  template TEXT NOT NULL,
  person_id TEXT NOT NULL REFERENCES people (id),
  record_id TEXT REFERENCES records (id),
  task_id TEXT REFERENCES tasks (id),
  context TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'sent', 'dropped', 'failed', 'bounced')),
  attempts INTEGER NOT NULL,
  next_attempt_at TIMESTAMP NOT NULL,
  last_error TEXT,
  created_at TIMESTAMP NOT NULL,
  done_at TIMESTAMP
);
CREATE INDEX outbox_due ON outbox (state, next_attempt_at, id);
CREATE INDEX outbox_record ON outbox (record_id);
CREATE TABLE refusals (
  id TEXT PRIMARY KEY,
  at TIMESTAMP NOT NULL,
  person_id TEXT REFERENCES people (id),
  method TEXT NOT NULL,
  command TEXT NOT NULL,
  subject TEXT NOT NULL,
  code TEXT NOT NULL
);
CREATE TABLE idempotency (
  person_id TEXT NOT NULL REFERENCES people (id),
  key TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  answer TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL,
  PRIMARY KEY (person_id, key)
);
CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);
