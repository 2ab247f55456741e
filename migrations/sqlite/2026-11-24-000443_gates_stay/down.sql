DROP TRIGGER test_waivers_no_replace;
DROP TRIGGER test_waivers_no_delete;
DROP TRIGGER test_waivers_settled;
DROP TRIGGER test_waivers_fixed;
DROP TRIGGER test_results_no_replace;
DROP TRIGGER test_results_no_delete;
DROP TRIGGER test_results_no_update;
