//! What templates can say beyond plain values. Each helper answers with text, which the registry
//! then escapes like any other value.
use super::{Place, assets};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output, PathAndJson,
    RenderContext, RenderError, RenderErrorReason, Renderable, ScopedJson,
};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use std::fmt::Write as _;

/// What a helper answers: a value, or what is wrong with what it was given.
type Answer = Result<Value, String>;

pub(super) fn register(registry: &mut Handlebars<'static>, place: &Place) {
    let base = place.base_path.clone();
    register_as(registry, "url", move |parts| url(&base, parts));
    let base = place.base_path.clone();
    register_as(registry, "asset", move |parts| asset(&base, parts));
    let zone = place.zone.clone();
    register_as(registry, "when", move |parts| when(&zone, parts));
    let zone = place.zone.clone();
    register_as(registry, "day", move |parts| day(&zone, parts));
    register_as(registry, "href", href);
    register_as(registry, "short_digest", short_digest);
    register_as(registry, "plural", plural);
    register_as(registry, "concat", |parts| Ok(concat(parts).into()));
    register_as(registry, "titled", titled);
    register_as(registry, "eq", |parts| {
        Ok((value(parts, 0)? == value(parts, 1)?).into())
    });
    registry.register_helper("if", Box::new(StrictIf { wanted: true }));
    registry.register_helper("unless", Box::new(StrictIf { wanted: false }));
}

fn register_as(
    registry: &mut Handlebars<'static>,
    name: &str,
    says: impl Fn(&[PathAndJson]) -> Answer + Send + Sync + 'static,
) {
    registry.register_helper(name, Box::new(Says(says)));
}

/// A helper that turns its parameters into one value.
struct Says<F>(F);

impl<F: Fn(&[PathAndJson]) -> Answer + Send + Sync> HelperDef for Says<F> {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let params = helper.params();
        if let Some(missing) = params.iter().find(|p| p.is_value_missing()) {
            return Err(RenderError::strict_error(missing.relative_path()));
        }
        let wrong = |why| RenderErrorReason::Other(format!("{}: {why}", helper.name()));
        Ok(ScopedJson::Derived((self.0)(params).map_err(wrong)?))
    }
}

/// `if` and `unless` that refuse to guess: a condition on a value nobody gave is a mistake.
struct StrictIf {
    wanted: bool,
}

impl HelperDef for StrictIf {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        state: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let none = RenderErrorReason::ParamNotFoundForIndex("if", 0);
        let condition = helper.param(0).ok_or(none)?;
        if condition.is_value_missing() {
            return Err(RenderError::strict_error(condition.relative_path()));
        }
        let holds = condition.value().is_truthy(false) == self.wanted;
        let block = if holds {
            helper.template()
        } else {
            helper.inverse()
        };
        block.map_or(Ok(()), |block| block.render(registry, context, state, out))
    }
}

fn value<'a>(parts: &'a [PathAndJson], at: usize) -> Result<&'a Value, String> {
    parts
        .get(at)
        .map(PathAndJson::value)
        .ok_or_else(|| format!("wants {} values", at + 1))
}

fn word<'a>(parts: &'a [PathAndJson], at: usize) -> Result<&'a str, String> {
    value(parts, at)?
        .as_str()
        .ok_or_else(|| format!("value {} is no text", at + 1))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn concat(parts: &[PathAndJson]) -> String {
    parts.iter().map(|part| shown(part.value())).collect()
}

/// An address of our own: base path and parts. A part that begins with `/` is a path, `?` or `#`
/// written in the template stays; anything else is data and is encoded as one segment.
fn url(base: &str, parts: &[PathAndJson]) -> Answer {
    let mut address = String::new();
    for part in parts {
        let text = shown(part.value());
        let is_literal = part.relative_path().is_none() && part.value().is_string();
        if is_literal || text.starts_with('/') {
            address.push_str(&encoded(&text, is_path_character));
        } else {
            address.push_str(&encoded(&text, is_unreserved));
        }
    }
    // Two slashes in front would name another host.
    Ok(format!("{base}/{}", address.trim_start_matches('/')).into())
}

fn is_unreserved(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~".contains(c)
}

fn is_path_character(c: char) -> bool {
    is_unreserved(c) || "/?#&=%+,:@!$;*".contains(c)
}

fn encoded(text: &str, is_kept: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_kept(c) {
            out.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn asset(base: &str, parts: &[PathAndJson]) -> Answer {
    let name = word(parts, 0)?;
    let address = assets::address(name).ok_or_else(|| format!("there is no {name}"))?;
    Ok(format!("{base}/assets/{address}").into())
}

/// An address that somebody gave: let through when a browser would only go there, `#` otherwise.
fn href(parts: &[PathAndJson]) -> Answer {
    let text = shown(value(parts, 0)?);
    Ok(if is_harmless(&text) {
        text
    } else {
        "#".to_owned()
    }
    .into())
}

fn is_harmless(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    let relative = match address.as_bytes() {
        [b'/', b'/' | b'\\', ..] => false,
        [b'/' | b'?' | b'#', ..] => true,
        _ => false,
    };
    let absolute = lower.starts_with("https://") || lower.starts_with("http://");
    (relative || absolute) && !address.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// `26 Nov 2026, 17:00 CET`, from RFC 3339.
fn when(zone: &TimeZone, parts: &[PathAndJson]) -> Answer {
    let at = timestamp(word(parts, 0)?)?;
    Ok(at
        .to_zoned(zone.clone())
        .strftime("%-d %b %Y, %H:%M %Z")
        .to_string()
        .into())
}

/// `26 Nov 2026`, from RFC 3339 or from a date.
fn day(zone: &TimeZone, parts: &[PathAndJson]) -> Answer {
    let text = word(parts, 0)?;
    let date = match text.parse::<Date>() {
        Ok(date) if !text.contains('T') => date,
        _ => timestamp(text)?.to_zoned(zone.clone()).date(),
    };
    Ok(date.strftime("%-d %b %Y").to_string().into())
}

fn timestamp(text: &str) -> Result<Timestamp, String> {
    text.parse()
        .map_err(|_| "wants a time as in RFC 3339".to_owned())
}

/// `9f3c 41ab`: enough of a digest to compare by eye.
fn short_digest(parts: &[PathAndJson]) -> Answer {
    let digits = |from| word(parts, 0).map(|d| d.chars().skip(from).take(4).collect::<String>());
    Ok(format!("{} {}", digits(0)?, digits(4)?).into())
}

/// `1 condition`, `2 conditions`; a third parameter is the plural where `s` does not make it.
fn plural(parts: &[PathAndJson]) -> Answer {
    let count = value(parts, 0)?
        .as_i64()
        .ok_or("value 1 is no whole number")?;
    let one = word(parts, 1)?;
    let many = parts.get(2).and_then(|p| p.value().as_str());
    Ok(match (count, many) {
        (1, _) => format!("{count} {one}"),
        (_, Some(many)) => format!("{count} {many}"),
        (_, None) => format!("{count} {one}s"),
    }
    .into())
}

/// A page's title; when the first parameter holds errors, it says so first.
fn titled(parts: &[PathAndJson]) -> Answer {
    let errors = value(parts, 0)?
        .as_array()
        .is_some_and(|errors| !errors.is_empty());
    let title = concat(parts.get(1..).unwrap_or_default());
    Ok(if errors {
        format!("Error: {title}")
    } else {
        title
    }
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn say(template: &str, data: Value) -> String {
        try_say(template, data).unwrap()
    }

    fn try_say(template: &str, data: Value) -> Result<String, RenderError> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(handlebars::no_escape);
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        register(
            &mut registry,
            &Place {
                base_path: "/reg".to_owned(),
                zone,
            },
        );
        registry.render_template(template, &data)
    }

    #[test]
    fn an_address_stands_below_the_base_path() {
        assert_eq!(say("{{url \"/\"}}", json!({})), "/reg/");
        assert_eq!(
            say("{{url \"/a?b=\" x}}", json!({"x": "ü&/?#"})),
            "/reg/a?b=%C3%BC%26%2F%3F%23"
        );
        assert_eq!(
            say("{{url p \"/\" n}}", json!({"p": "/tools", "n": 3})),
            "/reg/tools/3"
        );
    }

    #[test]
    fn no_value_makes_an_address_lead_to_another_host() {
        assert_eq!(
            say("{{url p}}", json!({"p": "//evil.example"})),
            "/reg/evil.example"
        );
        assert_eq!(
            say("{{url p}}", json!({"p": "https://evil.example"})),
            "/reg/https%3A%2F%2Fevil.example"
        );
    }

    #[test]
    fn a_link_that_would_run_a_script_leads_nowhere() {
        for hostile in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " https://example.org",
            "java\nscript:x",
            "data:text/html,x",
            "//evil.example",
            "/\\evil.example",
            "",
        ] {
            assert_eq!(say("{{href x}}", json!({"x": hostile})), "#", "{hostile:?}");
        }
        for harmless in [
            "https://example.org/a?b=c",
            "?status=approved",
            "/log",
            "#top",
        ] {
            assert_eq!(say("{{href x}}", json!({"x": harmless})), harmless);
        }
    }

    #[test]
    fn times_are_absolute_and_name_their_zone() {
        let data = json!({"w": "2026-11-26T16:00:00Z", "s": "2026-07-01T22:30:00.123456Z"});
        assert_eq!(say("{{when w}}", data.clone()), "26 Nov 2026, 17:00 CET");
        assert_eq!(say("{{when s}}", data.clone()), "2 Jul 2026, 00:30 CEST");
        assert_eq!(say("{{day s}}", data), "2 Jul 2026");
        assert_eq!(say("{{day d}}", json!({"d": "2027-01-31"})), "31 Jan 2027");
    }

    #[test]
    fn what_a_handler_forgot_is_an_error_and_not_an_empty_place() {
        for template in [
            "{{x}}",
            "{{#if x}}y{{/if}}",
            "{{#unless x}}y{{/unless}}",
            "{{url \"/\" x}}",
            "{{when x}}",
            "{{#if (eq x 1)}}y{{/if}}",
            "{{#each x}}y{{/each}}",
        ] {
            assert!(try_say(template, json!({"y": 1})).is_err(), "{template}");
        }
    }

    #[test]
    fn counts_digests_and_titles_read_well() {
        let data = json!({"n": 2, "one": 1, "d": "9f3c41ab00", "e": [1], "none": []});
        assert_eq!(
            say("{{plural n \"condition\"}}", data.clone()),
            "2 conditions"
        );
        assert_eq!(
            say("{{plural one \"entry\" \"entries\"}}", data.clone()),
            "1 entry"
        );
        assert_eq!(say("{{short_digest d}}", data.clone()), "9f3c 41ab");
        assert_eq!(
            say("{{titled e \"Sign \" \"in\"}}", data.clone()),
            "Error: Sign in"
        );
        assert_eq!(say("{{titled none \"Sign in\"}}", data), "Sign in");
    }
}
