-- INTEGER, not BIGINT: only then the number is the key by which SQLite itself keeps the rows.
CREATE TABLE ledger_entries (seq INTEGER PRIMARY KEY CHECK (seq >= 0), entry BLOB NOT NULL);
CREATE TABLE ledger_nodes (idx INTEGER PRIMARY KEY CHECK (idx >= 0), hash BLOB NOT NULL CHECK (length(hash) = 32));
CREATE TABLE ledger_private (
  seq BIGINT NOT NULL REFERENCES ledger_entries (seq),
  name TEXT NOT NULL,
  salt BLOB NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (seq, name)
) WITHOUT ROWID;
CREATE TABLE ledger_index (
  seq INTEGER PRIMARY KEY REFERENCES ledger_entries (seq),
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

CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
-- REPLACE walks past the two above; a dense sequence also stops it.
CREATE TRIGGER ledger_entries_dense BEFORE INSERT ON ledger_entries
WHEN NEW.seq <> (SELECT COALESCE(MAX(seq) + 1, 0) FROM ledger_entries)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_nodes_no_update BEFORE UPDATE ON ledger_nodes
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_nodes_no_delete BEFORE DELETE ON ledger_nodes
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_nodes_no_replace BEFORE INSERT ON ledger_nodes
WHEN EXISTS (SELECT 1 FROM ledger_nodes WHERE idx = NEW.idx)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
-- What the decision log shows and is filtered by must not drift from the entries either.
CREATE TRIGGER ledger_index_no_update BEFORE UPDATE ON ledger_index
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_index_no_delete BEFORE DELETE ON ledger_index
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER ledger_index_no_replace BEFORE INSERT ON ledger_index
WHEN EXISTS (SELECT 1 FROM ledger_index WHERE seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER revisions_no_update BEFORE UPDATE ON revisions
BEGIN SELECT RAISE(ABORT, 'a revision never changes'); END;
CREATE TRIGGER revisions_no_delete BEFORE DELETE ON revisions
BEGIN SELECT RAISE(ABORT, 'a revision never changes'); END;
CREATE TRIGGER revisions_no_replace BEFORE INSERT ON revisions
WHEN EXISTS (SELECT 1 FROM revisions WHERE record_id = NEW.record_id AND number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'a revision never changes'); END;
CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions
BEGIN SELECT RAISE(ABORT, 'a decision never changes'); END;
CREATE TRIGGER decisions_no_delete BEFORE DELETE ON decisions
BEGIN SELECT RAISE(ABORT, 'a decision never changes'); END;
CREATE TRIGGER decisions_no_replace BEFORE INSERT ON decisions
WHEN EXISTS (SELECT 1 FROM decisions WHERE id = NEW.id OR seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'a decision never changes'); END;
CREATE TRIGGER workflows_text_stays
BEFORE UPDATE OF key, version, hash, title, text, published_at, published_by ON workflows
BEGIN SELECT RAISE(ABORT, 'a workflow version never changes'); END;
CREATE TRIGGER workflows_no_delete BEFORE DELETE ON workflows
BEGIN SELECT RAISE(ABORT, 'a workflow version never changes'); END;
CREATE TRIGGER workflows_no_replace BEFORE INSERT ON workflows
WHEN EXISTS (SELECT 1 FROM workflows WHERE key = NEW.key AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'a workflow version never changes'); END;

CREATE VIRTUAL TABLE record_text USING fts5(title, body, content = 'records', content_rowid = 'nr', tokenize = "unicode61 remove_diacritics 0");
CREATE TRIGGER record_text_insert AFTER INSERT ON records
BEGIN INSERT INTO record_text (rowid, title, body) VALUES (NEW.nr, NEW.title, NEW.body); END;
CREATE TRIGGER record_text_update AFTER UPDATE OF title, body ON records
BEGIN
  INSERT INTO record_text (record_text, rowid, title, body) VALUES ('delete', OLD.nr, OLD.title, OLD.body);
  INSERT INTO record_text (rowid, title, body) VALUES (NEW.nr, NEW.title, NEW.body);
END;
CREATE TRIGGER record_text_delete AFTER DELETE ON records
BEGIN INSERT INTO record_text (record_text, rowid, title, body) VALUES ('delete', OLD.nr, OLD.title, OLD.body); END;
