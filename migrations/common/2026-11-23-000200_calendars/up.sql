CREATE TABLE calendars (
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  hash TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  kept_at TIMESTAMP NOT NULL,
  kept_by TEXT REFERENCES people (id),
  PRIMARY KEY (key, version)
);
