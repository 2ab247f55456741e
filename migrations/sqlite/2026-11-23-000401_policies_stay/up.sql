CREATE TRIGGER policies_no_update BEFORE UPDATE ON policies
BEGIN SELECT RAISE(ABORT, 'a policy version never changes'); END;
CREATE TRIGGER policies_no_delete BEFORE DELETE ON policies
BEGIN SELECT RAISE(ABORT, 'a policy version never changes'); END;
CREATE TRIGGER policies_no_replace BEFORE INSERT ON policies
WHEN EXISTS (SELECT 1 FROM policies WHERE key = NEW.key AND version = NEW.version)
BEGIN SELECT RAISE(ABORT, 'a policy version never changes'); END;
CREATE TRIGGER policy_answers_no_update BEFORE UPDATE ON policy_answers
BEGIN SELECT RAISE(ABORT, 'a kept answer never changes'); END;
CREATE TRIGGER policy_answers_no_delete BEFORE DELETE ON policy_answers
BEGIN SELECT RAISE(ABORT, 'a kept answer never changes'); END;
CREATE TRIGGER policy_answers_no_replace BEFORE INSERT ON policy_answers
WHEN EXISTS (SELECT 1 FROM policy_answers WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'a kept answer never changes'); END;
