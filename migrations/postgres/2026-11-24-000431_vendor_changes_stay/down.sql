DROP TRIGGER vendor_change_cases_kept ON vendor_change_cases;
DROP TRIGGER vendor_change_cases_stay ON vendor_change_cases;
DROP TRIGGER vendor_change_cases_fixed ON vendor_change_cases;
DROP TRIGGER vendor_changes_kept ON vendor_changes;
DROP TRIGGER vendor_changes_stay ON vendor_changes;
DROP TRIGGER vendor_changes_fixed ON vendor_changes;
