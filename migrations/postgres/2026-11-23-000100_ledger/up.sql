CREATE TABLE ledger_entries (seq BIGINT PRIMARY KEY CHECK (seq >= 0), entry BYTEA NOT NULL);
CREATE TABLE ledger_nodes (idx BIGINT PRIMARY KEY CHECK (idx >= 0), hash BYTEA NOT NULL CHECK (length(hash) = 32));
CREATE TABLE ledger_private (
  seq BIGINT NOT NULL REFERENCES ledger_entries (seq),
  name TEXT NOT NULL,
  salt BYTEA NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (seq, name)
);
CREATE TABLE ledger_index (
  seq BIGINT PRIMARY KEY REFERENCES ledger_entries (seq),
  at TIMESTAMP NOT NULL,
  kind TEXT NOT NULL,
  actor_id TEXT,
  person_id TEXT,
  record_id TEXT,
  review_id TEXT,
  stage TEXT,
  outcome TEXT,
  record_seq BIGINT,
  CHECK ((record_id IS NULL) = (record_seq IS NULL))
);
CREATE INDEX ledger_index_record ON ledger_index (record_id, seq);
-- Each record counts its own entries: its history can be shown without a gap.
CREATE UNIQUE INDEX ledger_index_record_seq ON ledger_index (record_id, record_seq);
CREATE INDEX ledger_index_actor ON ledger_index (actor_id, seq);
CREATE INDEX ledger_index_outcome ON ledger_index (outcome, seq);
CREATE INDEX ledger_index_stage ON ledger_index (stage, seq);
CREATE INDEX ledger_index_at ON ledger_index (at, seq);

CREATE FUNCTION countersign_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END $$;
CREATE FUNCTION countersign_ledger_dense() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq <> (SELECT COALESCE(MAX(seq) + 1, 0) FROM ledger_entries) THEN
    RAISE EXCEPTION 'the ledger is append-only';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER ledger_entries_fixed BEFORE DELETE OR UPDATE ON ledger_entries
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('the ledger is append-only');
CREATE TRIGGER ledger_entries_kept BEFORE TRUNCATE ON ledger_entries
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('the ledger is append-only');
CREATE TRIGGER ledger_entries_dense BEFORE INSERT ON ledger_entries
FOR EACH ROW EXECUTE FUNCTION countersign_ledger_dense();
CREATE TRIGGER ledger_nodes_fixed BEFORE DELETE OR UPDATE ON ledger_nodes
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('the ledger is append-only');
CREATE TRIGGER ledger_nodes_kept BEFORE TRUNCATE ON ledger_nodes
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('the ledger is append-only');
-- What the decision log shows and is filtered by must not drift from the entries either.
CREATE TRIGGER ledger_index_fixed BEFORE DELETE OR UPDATE ON ledger_index
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('the ledger is append-only');
CREATE TRIGGER ledger_index_kept BEFORE TRUNCATE ON ledger_index
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('the ledger is append-only');
CREATE TRIGGER revisions_fixed BEFORE DELETE OR UPDATE ON revisions
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a revision never changes');
CREATE TRIGGER decisions_fixed BEFORE DELETE OR UPDATE ON decisions
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a decision never changes');
CREATE TRIGGER workflows_fixed BEFORE DELETE OR UPDATE OF key, version, hash, title, text, published_at, published_by ON workflows
FOR EACH ROW EXECUTE FUNCTION countersign_refuse('a workflow version never changes');
CREATE TRIGGER revisions_kept BEFORE TRUNCATE ON revisions
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a revision never changes');
CREATE TRIGGER decisions_kept BEFORE TRUNCATE ON decisions
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a decision never changes');
CREATE TRIGGER workflows_kept BEFORE TRUNCATE ON workflows
FOR EACH STATEMENT EXECUTE FUNCTION countersign_refuse('a workflow version never changes');
-- ALWAYS: else a session that calls itself a replica walks past them.
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_entries_fixed;
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_entries_kept;
ALTER TABLE ledger_entries ENABLE ALWAYS TRIGGER ledger_entries_dense;
ALTER TABLE ledger_nodes ENABLE ALWAYS TRIGGER ledger_nodes_fixed;
ALTER TABLE ledger_nodes ENABLE ALWAYS TRIGGER ledger_nodes_kept;
ALTER TABLE ledger_index ENABLE ALWAYS TRIGGER ledger_index_fixed;
ALTER TABLE ledger_index ENABLE ALWAYS TRIGGER ledger_index_kept;
ALTER TABLE revisions ENABLE ALWAYS TRIGGER revisions_fixed;
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_fixed;
ALTER TABLE workflows ENABLE ALWAYS TRIGGER workflows_fixed;
ALTER TABLE revisions ENABLE ALWAYS TRIGGER revisions_kept;
ALTER TABLE decisions ENABLE ALWAYS TRIGGER decisions_kept;
ALTER TABLE workflows ENABLE ALWAYS TRIGGER workflows_kept;

CREATE INDEX records_text ON records USING gin (to_tsvector('simple', title || ' ' || body));
