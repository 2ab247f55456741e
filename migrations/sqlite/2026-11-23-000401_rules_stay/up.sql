CREATE TRIGGER rule_versions_no_update BEFORE UPDATE ON rule_versions
BEGIN SELECT RAISE(ABORT, 'a version of rules never changes'); END;
CREATE TRIGGER rule_versions_no_delete BEFORE DELETE ON rule_versions
BEGIN SELECT RAISE(ABORT, 'a version of rules never changes'); END;
CREATE TRIGGER rule_versions_no_replace BEFORE INSERT ON rule_versions
WHEN EXISTS (
  SELECT 1 FROM rule_versions
  WHERE kind = NEW.kind AND key = NEW.key AND version = NEW.version
)
BEGIN SELECT RAISE(ABORT, 'a version of rules never changes'); END;
CREATE TRIGGER policy_answers_no_update BEFORE UPDATE ON policy_answers
BEGIN SELECT RAISE(ABORT, 'a kept answer never changes'); END;
CREATE TRIGGER policy_answers_no_delete BEFORE DELETE ON policy_answers
BEGIN SELECT RAISE(ABORT, 'a kept answer never changes'); END;
CREATE TRIGGER policy_answers_no_replace BEFORE INSERT ON policy_answers
WHEN EXISTS (SELECT 1 FROM policy_answers WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a kept answer never changes'); END;
