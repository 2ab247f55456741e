DROP TABLE retention_rules;
DROP TABLE legal_holds;
DROP TABLE erasures;
ALTER TABLE revisions DROP COLUMN redacted_digest;
ALTER TABLE revisions DROP COLUMN redacted_seq;
ALTER TABLE people DROP COLUMN erased_at;
DROP TABLE erased_values;
