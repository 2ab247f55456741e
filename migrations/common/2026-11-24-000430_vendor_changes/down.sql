DROP TABLE vendor_change_cases;
DROP TABLE vendor_changes;
