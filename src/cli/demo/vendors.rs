//! What the register knows of a vendor, and a change there that waits for whoever keeps vendors.
use super::cases::with;
use super::organisation::address;
use super::story::Story;
use crate::error::{Error, Result};
use crate::register::{self, Name, one_spelling};
use crate::vendor::Given;
use serde_json::json;

/// The vendor that is described in full.
const DESCRIBED: &str = "Clearwater Systems";

/// The contract and the certificates of a vendor, and a report that its price goes up.
pub(super) fn all(story: &Story) -> Result<()> {
    let name = one_spelling(DESCRIBED);
    let found = story.read(|conn| register::naming(conn, "vendor", Name::Own, &[name]))?;
    let vendor = found.into_iter().next();
    let vendor = vendor.ok_or_else(|| Error::not_found("vendor", DESCRIBED))?;
    let known = json!({
        "owner": address("jonas"),
        "models_behind": "Their own reader, version 4, trained on licensed documents.",
        "data_shared": "Scans of invoices and claims, with names and amounts.",
        "data_regions": ["eu"],
        "sub_processors": "Datahalle Nord GmbH, Germany: computing centre",
        "has_contract": true,
        "price": "4 cents a page.",
        "price_changes": "Once a year, by at most 5 percent, announced 90 days before.",
        "terms_url": "https://clearwater.example/terms",
        "terms_seen_on": story.day(-40)?,
        "notice_of_changes": "By e-mail, 30 days before.",
        "contract_end": story.day(420)?,
        "exit_plan": "Type by hand for two weeks; Northlight reads documents too. Our data comes \
                      back as a file within 30 days.",
        "review_by": story.day(200)?,
        "certificates": ["iso_27001"],
        "iso_27001_until": story.day(150)?,
        "assessed_on": story.day(-60)?,
        "assessment_valid_until": story.day(305)?,
    });
    let document = with(story.document(&vendor)?, known);
    let vendor = story.revise("jonas", &vendor, document)?;
    let given = Given {
        area: "price".to_owned(),
        what: "From next quarter on they charge 9 cents a page instead of 4. The contract allows \
               5 percent a year."
            .to_owned(),
        source: "Letter to accounting".to_owned(),
        effective_on: story.day(45)?,
        ..Given::default()
    };
    story.reports_change("ada", &vendor, given)
}
