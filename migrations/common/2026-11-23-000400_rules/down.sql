DROP TABLE policy_answers;
DROP TABLE rule_draft_authors;
DROP TABLE rule_drafts;
DROP TABLE rule_versions;
