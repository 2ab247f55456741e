-- How risky use cases are, as somebody judged them; texts about it lie beside the entries.
CREATE TABLE risk_assessments (
  id TEXT PRIMARY KEY,
  record_id TEXT NOT NULL REFERENCES records (id),
  revision INTEGER NOT NULL,
  rules_version INTEGER NOT NULL,
  tier TEXT NOT NULL,
  class TEXT NOT NULL,
  role TEXT NOT NULL,
  answers TEXT NOT NULL,
  assessed_on TEXT NOT NULL,
  valid_until TEXT NOT NULL,
  assessed_by TEXT NOT NULL REFERENCES people (id),
  seq BIGINT NOT NULL UNIQUE,
  at TIMESTAMP NOT NULL
);
CREATE INDEX risk_assessments_record ON risk_assessments (record_id, seq);
-- One row for each of the nine areas; an area that does not apply has no numbers.
CREATE TABLE risk_scores (
  assessment_id TEXT NOT NULL REFERENCES risk_assessments (id),
  area TEXT NOT NULL,
  inherent_likelihood INTEGER CHECK (inherent_likelihood BETWEEN 1 AND 5),
  inherent_impact INTEGER CHECK (inherent_impact BETWEEN 1 AND 5),
  residual_likelihood INTEGER CHECK (residual_likelihood BETWEEN 1 AND 5),
  residual_impact INTEGER CHECK (residual_impact BETWEEN 1 AND 5),
  mitigation_owner TEXT REFERENCES people (id),
  mitigation_due TEXT,
  PRIMARY KEY (assessment_id, area)
);
CREATE TABLE risk_escalations (
  id TEXT PRIMARY KEY,
  assessment_id TEXT NOT NULL REFERENCES risk_assessments (id),
  record_id TEXT NOT NULL REFERENCES records (id),
  rule TEXT NOT NULL,
  areas TEXT NOT NULL,
  role TEXT NOT NULL,
  due_on TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'sent_back', 'superseded')),
  accepted_until TEXT,
  settled_by TEXT REFERENCES people (id),
  settled_seq BIGINT,
  settled_at TIMESTAMP
);
CREATE INDEX risk_escalations_record ON risk_escalations (record_id);
CREATE INDEX risk_escalations_assessment ON risk_escalations (assessment_id);
CREATE INDEX risk_escalations_state ON risk_escalations (state, due_on);
