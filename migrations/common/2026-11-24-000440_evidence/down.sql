DROP TABLE evidence_uses;
DROP TABLE evidence_files;
