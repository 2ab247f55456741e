-- Which records an auditor of some units sees; see `of_units` in src/db/mod.rs.
CREATE INDEX revisions_unit ON revisions ((btrim(CAST(document AS json) ->> 'unit')), record_id);
