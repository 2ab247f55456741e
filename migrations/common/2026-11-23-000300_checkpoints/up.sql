-- Each checkpoint that was signed and published, as the exact text of its note. A ledger that goes
-- on under another name begins another row of sizes.
CREATE TABLE ledger_checkpoints (
  origin TEXT NOT NULL,
  size BIGINT NOT NULL CHECK (size > 0),
  note TEXT NOT NULL,
  at TIMESTAMP NOT NULL,
  PRIMARY KEY (origin, size)
);
-- Whom to trust for them. The secret halves lie in a file outside of every database.
CREATE TABLE ledger_keys (
  vkey TEXT PRIMARY KEY,
  origin TEXT NOT NULL,
  seq BIGINT NOT NULL REFERENCES ledger_entries (seq),
  retired_seq BIGINT REFERENCES ledger_entries (seq)
);
-- What witnesses outside of the house signed of a checkpoint: each one's exact line.
CREATE TABLE ledger_cosignatures (
  origin TEXT NOT NULL,
  size BIGINT NOT NULL,
  witness TEXT NOT NULL,
  line TEXT NOT NULL,
  at TIMESTAMP NOT NULL,
  PRIMARY KEY (origin, size, witness),
  FOREIGN KEY (origin, size) REFERENCES ledger_checkpoints (origin, size)
);
-- What a time stamp authority answered about a checkpoint's note, in base64.
CREATE TABLE ledger_stamps (
  origin TEXT NOT NULL,
  size BIGINT NOT NULL,
  answer TEXT NOT NULL,
  at TIMESTAMP NOT NULL,
  PRIMARY KEY (origin, size),
  FOREIGN KEY (origin, size) REFERENCES ledger_checkpoints (origin, size)
);
-- How the last asking of each of them went; no trouble is a good answer.
CREATE TABLE ledger_askings (
  whom TEXT PRIMARY KEY,
  at TIMESTAMP NOT NULL,
  trouble TEXT
);
-- Who gets the checkpoint of each day by mail, and up to which one they were told.
CREATE TABLE checkpoint_readers (
  person_id TEXT PRIMARY KEY REFERENCES people (id),
  origin TEXT,
  size BIGINT
);
