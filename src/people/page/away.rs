//! Absences on pages: what is noted, and the forms that note and change it.
use super::ask::{Ask, optional, question};
use super::{Again, Named};
use crate::db::{AbsenceId, Conn, Day, PersonId};
use crate::error::Result;
use crate::form::{FieldError, FieldView, SummaryLine, Widget};
use crate::people::absence::{self, Absence, Typed};
use crate::people::{self};
use serde::Serialize;

/// That somebody is away today.
#[derive(Debug, Serialize)]
pub(super) struct AwayView {
    from: Day,
    until: Day,
    delegate: Option<Named>,
}

impl AwayView {
    pub(super) fn of(conn: &mut Conn, absence: &Absence) -> Result<AwayView> {
        Ok(AwayView {
            from: absence.from_day,
            until: absence.until_day,
            delegate: absence
                .delegate_id
                .map(|id| Named::of(conn, id))
                .transpose()?,
        })
    }
}

/// Absences of one person, and what can be done about them.
#[derive(Debug, Serialize)]
pub(super) struct AbsencesView {
    /// Those in force or ahead.
    noted: Vec<Noted>,
    /// Absences of others on which this person stands in.
    stands_in: Vec<StandsIn>,
    new: Ask,
}

#[derive(Debug, Serialize)]
struct Noted {
    away: AwayView,
    now: bool,
    warnings: Vec<String>,
    change: Ask,
    /// Whether the form stands open, because something is wrong with it.
    open: bool,
    /// What the button that ends it says.
    end: &'static str,
}

#[derive(Debug, Serialize)]
struct StandsIn {
    who: Named,
    from: Day,
    until: Day,
}

impl AbsencesView {
    /// `path` is where its forms are sent.
    pub(super) fn of(
        conn: &mut Conn,
        today: Day,
        person: PersonId,
        path: &str,
        again: &Again,
    ) -> Result<AbsencesView> {
        let mut noted = Vec::new();
        for absence in absence::ahead(conn, today, person)? {
            noted.push(Noted::of(conn, today, &absence, path, again)?);
        }
        let relying = absence::relying_on(conn, person, today)?.into_iter();
        let stands_in = relying.map(|(absence, name)| StandsIn {
            who: Named {
                id: absence.person_id,
                name,
            },
            from: absence.from_day,
            until: absence.until_day,
        });
        let new = fields("absence", &Typed::default(), again);
        Ok(AbsencesView {
            noted,
            stands_in: stands_in.collect(),
            new: ask(path.to_owned(), "Note this absence", new)?,
        })
    }

    pub(super) fn complaints(&self) -> Vec<SummaryLine> {
        let changes = self.noted.iter().map(|noted| &noted.change);
        let all = changes.chain([&self.new]);
        all.flat_map(Ask::complaints).collect()
    }
}

impl Noted {
    fn of(
        conn: &mut Conn,
        today: Day,
        absence: &Absence,
        path: &str,
        again: &Again,
    ) -> Result<Noted> {
        let form = form_of(absence.id);
        let delegate = absence.delegate_id.map(|id| people::known(conn, id));
        let typed = Typed {
            from: absence.from_day.to_string(),
            until: absence.until_day.to_string(),
            delegate: delegate.transpose()?.map_or_else(String::new, |p| p.email),
        };
        let warnings = absence::warnings(conn, absence)?;
        let warnings = warnings.iter().map(|w| w.sentence(spelled));
        let warnings = warnings.map(|text| crate::review::words::sentence(&text));
        let now = absence.covers(today);
        let fields = fields(&form, &typed, again);
        Ok(Noted {
            away: AwayView::of(conn, absence)?,
            now,
            warnings: warnings.collect(),
            change: ask(format!("{path}/{}", absence.id), "Save the change", fields)?,
            open: again.form == form,
            end: if now { "End it now" } else { "Call it off" },
        })
    }
}

/// The name of the form that changes an absence.
pub(super) fn form_of(id: AbsenceId) -> String {
    format!("absence-{id}")
}

/// A day as pages write it.
fn spelled(day: Day) -> String {
    day.0.strftime("%-d %b %Y").to_string()
}

fn ask(action: String, button: &str, fields: impl IntoIterator<Item = FieldView>) -> Result<Ask> {
    let empty = Ask::new(action, button).toned("").once()?;
    Ok(fields.into_iter().fold(empty, Ask::field))
}

fn fields(form: &str, typed: &Typed, again: &Again) -> [FieldView; 3] {
    let day = |name, label, value| question((form, name), label, None, Widget::Date, value, again);
    let help = "E-mail address of a colleague who decides meanwhile, where the rules let them; \
                empty for nobody. Their own delegate is never asked.";
    let delegate = question(
        (form, "delegate"),
        "Who stands in",
        Some(help),
        Widget::Person,
        &typed.delegate,
        again,
    );
    [
        day("from", "First day away", &typed.from),
        day("until", "Last day away", &typed.until),
        optional(delegate),
    ]
}

/// An empty form for an absence, sent to `action`, for whoever is known by a link alone: it asks
/// for the days and for nobody to stand in.
///
/// # Errors
/// When the operating system has no randomness.
pub fn ask_for_absence(action: &str) -> Result<Ask> {
    days_only(action, &Again::default())
}

/// The same form as it was typed, with what is wrong with it.
///
/// # Errors
/// When the operating system has no randomness.
pub fn absence_again(
    action: &str,
    pairs: &[(String, String)],
    errors: &[FieldError],
) -> Result<Ask> {
    let again = Again {
        form: "absence".to_owned(),
        typed: pairs.to_vec(),
        errors: errors.to_vec(),
        refusal: None,
    };
    days_only(action, &again)
}

fn days_only(action: &str, again: &Again) -> Result<Ask> {
    let [from, until, _] = fields("absence", &Typed::default(), again);
    ask(action.to_owned(), "Note this absence", [from, until])
}
