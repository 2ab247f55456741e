DROP TRIGGER policy_answers_no_replace;
DROP TRIGGER policy_answers_no_delete;
DROP TRIGGER policy_answers_no_update;
DROP TRIGGER policies_no_replace;
DROP TRIGGER policies_no_delete;
DROP TRIGGER policies_no_update;
