-- Which records an auditor of some units sees; see `of_units` in src/db/mod.rs.
CREATE INDEX revisions_unit ON revisions (trim(json_extract(document, '$.unit')), record_id);
