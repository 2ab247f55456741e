-- What changed, in the words of whoever reported it, lies beside the entry of the report.
CREATE TABLE vendor_changes (
  id TEXT PRIMARY KEY,
  vendor_id TEXT NOT NULL REFERENCES records (id),
  area TEXT NOT NULL,
  effective_on TEXT,
  state TEXT NOT NULL CHECK (state IN ('reported', 'open', 'dismissed', 'closed')),
  reported_by TEXT REFERENCES people (id),
  reported_seq BIGINT NOT NULL,
  reported_at TIMESTAMP NOT NULL,
  decided_by TEXT REFERENCES people (id),
  decided_seq BIGINT,
  decided_at TIMESTAMP,
  closed_by TEXT REFERENCES people (id),
  closed_seq BIGINT,
  closed_at TIMESTAMP
);
CREATE INDEX vendor_changes_vendor ON vendor_changes (vendor_id, reported_seq);
CREATE INDEX vendor_changes_state ON vendor_changes (state);
-- The use cases that depended on the vendor when the change was confirmed: 'told' where nothing is
-- approved that could be reviewed again, 'waiting' until its review begins, and what keeps it from
-- beginning; 'open' as long as it runs.
CREATE TABLE vendor_change_cases (
  change_id TEXT NOT NULL REFERENCES vendor_changes (id),
  record_id TEXT NOT NULL REFERENCES records (id),
  state TEXT NOT NULL CHECK (state IN ('told', 'waiting', 'open', 'ended')),
  review_id TEXT REFERENCES reviews (id),
  outcome TEXT,
  trouble TEXT,
  PRIMARY KEY (change_id, record_id)
);
CREATE INDEX vendor_change_cases_record ON vendor_change_cases (record_id, state);
CREATE INDEX vendor_change_cases_state ON vendor_change_cases (state, change_id);
CREATE INDEX vendor_change_cases_review ON vendor_change_cases (review_id);
