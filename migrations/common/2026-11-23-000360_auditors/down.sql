DROP TABLE auditor_terms;
