CREATE TABLE timers (
  id TEXT PRIMARY KEY,
  review_id TEXT NOT NULL REFERENCES reviews (id),
  timer TEXT NOT NULL,
  fire_at TIMESTAMP NOT NULL
);
CREATE INDEX timers_due ON timers (fire_at, id);
CREATE INDEX timers_review ON timers (review_id);
ALTER TABLE records ADD COLUMN approval_id TEXT;
ALTER TABLE records ADD COLUMN standing TEXT;
ALTER TABLE records ADD COLUMN valid_until TIMESTAMP;
ALTER TABLE reviews ADD COLUMN route TEXT;
CREATE INDEX reviews_route ON reviews (workflow_key, route, closed_at);
ALTER TABLE tasks ADD COLUMN round INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN due_at TIMESTAMP;
ALTER TABLE decisions ADD COLUMN on_behalf_of TEXT;
ALTER TABLE conditions ADD COLUMN due_at TIMESTAMP;
CREATE INDEX conditions_owner ON conditions (owner_id, state);
