//! A picture as one SVG file that needs nothing else.

use std::fmt::Write as _;

use super::Flow;

/// The look of a picture that stands alone; the pages have theirs in the stylesheet.
const STYLE: &str = "
.flow { font: 13px system-ui, sans-serif; background: #fbfaf6; }
.flow rect { fill: #ffffff; stroke: #8a8575; stroke-width: 1.5; }
.flow text { fill: #1c1b17; }
.flow .name, .flow .state { font-weight: 600; }
.flow .line { fill: none; stroke: #8a8575; stroke-width: 1.5; }
.flow .head { fill: #8a8575; }
.flow .end text { text-anchor: middle; }
.flow .end rect { stroke-dasharray: 4 3; }
.flow .done rect { fill: #e4f2e8; stroke: #17663a; }
.flow .now rect { fill: #e3f0ee; stroke: #0a5c58; stroke-width: 3; }
.flow .stopped rect { fill: #fbe7e4; stroke: #a4211c; }
.flow .skipped rect { fill: #efece3; stroke-dasharray: 4 3; }
@media (prefers-color-scheme: dark) {
.flow { background: #171814; }
.flow rect { fill: #1f201b; stroke: #848277; }
.flow text { fill: #ecebe4; }
.flow .line { stroke: #848277; }
.flow .head { fill: #848277; }
.flow .done rect { fill: #17301f; stroke: #7fce9b; }
.flow .now rect { fill: #17302e; stroke: #6cc3bb; }
.flow .stopped rect { fill: #3b1b18; stroke: #f19a92; }
.flow .skipped rect { fill: #2a2a24; }
}
";

/// The picture as SVG with its own style.
pub fn svg(flow: &Flow) -> String {
    let Flow { width, height, .. } = flow;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"flow\" width=\"{width}\" \
         height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-labelledby=\"flow-title flow-desc\">\n\
         <title id=\"flow-title\">{}</title>\n<desc id=\"flow-desc\">{}</desc>\n\
         <style>{STYLE}</style>\n",
        escaped(&flow.title),
        escaped(&in_words(flow)),
    );
    for edge in &flow.edges {
        let (line, head) = (&edge.line, &edge.head);
        let _ = writeln!(
            out,
            "<path class=\"line\" d=\"{line}\"/><path class=\"head\" d=\"{head}\"/>"
        );
    }
    for shape in &flow.boxes {
        let (x, y, wide, high) = (shape.x, shape.y, shape.width, shape.height);
        let _ = writeln!(
            out,
            "<g class=\"{}\"><title>{}</title>\
             <rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" rx=\"6\"/>",
            shape.class,
            escaped(&shape.title),
        );
        for line in &shape.texts {
            let _ = writeln!(
                out,
                "<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>",
                line.class,
                line.x,
                line.y,
                escaped(&line.text),
            );
        }
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

/// The list, for the description of a picture that stands without it.
fn in_words(flow: &Flow) -> String {
    let steps = flow.steps.iter().map(|step| {
        let after = match step.after.is_empty() {
            true => "after submission".to_owned(),
            false => format!("after {}", step.after.join(" and ")),
        };
        let state = step
            .state
            .map(|word| format!(", {word}"))
            .unwrap_or_default();
        format!(
            "{}. {}, {after}: {}{state}.",
            step.number,
            step.title,
            step.seats.join("; ")
        )
    });
    steps.collect::<Vec<_>>().join(" ")
}

/// Text as XML takes it: markup and what XML forbids made harmless.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
