DROP TRIGGER policy_answers_no_replace;
DROP TRIGGER policy_answers_no_delete;
DROP TRIGGER policy_answers_no_update;
DROP TRIGGER rule_versions_no_replace;
DROP TRIGGER rule_versions_no_delete;
DROP TRIGGER rule_versions_no_update;
