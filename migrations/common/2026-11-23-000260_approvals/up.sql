-- Until when a proposed override waits for a second person.
ALTER TABLE reviews ADD COLUMN override_until TIMESTAMP;
CREATE INDEX reviews_override ON reviews (override_until);
CREATE INDEX conditions_due ON conditions (state, due_at);
CREATE INDEX records_standing ON records (kind, standing, valid_until);
