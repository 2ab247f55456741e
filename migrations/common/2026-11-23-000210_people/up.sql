ALTER TABLE people ADD COLUMN manager_id TEXT REFERENCES people (id);
ALTER TABLE people ADD COLUMN left_at TIMESTAMP;
CREATE INDEX people_manager ON people (manager_id);
CREATE INDEX people_name ON people (name, id);
CREATE TABLE absences (
  id TEXT PRIMARY KEY,
  person_id TEXT NOT NULL REFERENCES people (id),
  from_day TEXT NOT NULL,
  until_day TEXT NOT NULL,
  delegate_id TEXT REFERENCES people (id),
  set_by TEXT REFERENCES people (id),
  created_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP,
  CHECK (from_day <= until_day),
  CHECK (delegate_id <> person_id)
);
CREATE INDEX absences_person ON absences (person_id, until_day) WHERE ended_at IS NULL;
CREATE INDEX absences_delegate ON absences (delegate_id, until_day) WHERE ended_at IS NULL;
