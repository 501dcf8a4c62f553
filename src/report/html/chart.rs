//! Charts as SVG: shapes say what a colour says, and the style sheet says which colour an ink is.

use std::io;
use std::time::Duration;

use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::prelude::{
    AreaSeries, ChartBuilder, Color as _, DrawingArea, DrawingAreaErrorKind, IntoDrawingArea, LineSeries, Polygon,
    RGBColor, Rectangle, SVGBackend,
};

use crate::model::Outcome;

/// The inks. Without a style sheet, they are the colours of the light theme.
pub(super) mod ink {
    use super::RGBColor;

    /// What went well.
    pub(in super::super) const GOOD: RGBColor = RGBColor(0x2d, 0x9d, 0x5a);
    /// What went wrong.
    pub(in super::super) const BAD: RGBColor = RGBColor(0xc6, 0x28, 0x2e);
    /// What did both.
    pub(in super::super) const WAVERING: RGBColor = RGBColor(0xb7, 0x79, 0x0a);
    /// What did neither.
    pub(in super::super) const IDLE: RGBColor = RGBColor(0x7c, 0x86, 0x92);
    /// Lines and areas.
    pub(in super::super) const LINE: RGBColor = RGBColor(0x2f, 0x5f, 0xd0);

    /// What is as it should be, and there only to compare with.
    pub(in super::super) const USUAL: RGBColor = RGBColor(0xb9, 0xc6, 0xd6);

    /// All of them.
    #[cfg(test)]
    pub(in super::super) const ALL: [RGBColor; 6] = [GOOD, BAD, WAVERING, IDLE, LINE, USUAL];
}

/// A strip has at least so many columns, so that a short history is not blown up.
const FEWEST_COLUMNS: usize = 40;
/// The width of a column, its gap included.
const COLUMN: i32 = 10;
const GAP: i32 = 2;
/// The height of a strip.
const STRIP: i32 = 18;
/// The height of the bars above the strip of runs, and of what parts the two.
const BARS: i32 = 90;
const BETWEEN: i32 = 8;

/// How many columns a strip of so many runs has; the oldest run is the first.
pub(super) const fn columns(runs: usize) -> usize {
    if runs < FEWEST_COLUMNS { FEWEST_COLUMNS } else { runs }
}

/// The shape of an outcome: colours differ for most eyes, shapes for all.
fn mark(outcome: Outcome) -> (RGBColor, &'static [(i32, i32)]) {
    match outcome {
        Outcome::Passed => (ink::GOOD, &[(6, 12)]),
        Outcome::Failed => (ink::BAD, &[(0, STRIP)]),
        Outcome::Error => (ink::BAD, &[(0, 7), (11, STRIP)]),
        Outcome::Timeout => (ink::BAD, &[(0, 4), (7, 11), (14, STRIP)]),
        // A triangle, below.
        Outcome::Flaky => (ink::WAVERING, &[]),
        Outcome::Skipped => (ink::IDLE, &[(8, 10)]),
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), DrawingAreaErrorKind<io::Error>>;

fn draw_mark(area: &Area<'_>, x: i32, top: i32, outcome: Outcome) -> Drawn {
    let (color, pieces) = mark(outcome);
    let right = x + COLUMN - GAP;
    for (from, to) in pieces {
        area.draw(&Rectangle::new([(x, top + from), (right, top + to)], color.filled()))?;
    }
    if outcome == Outcome::Flaky {
        let corners = vec![(x, top + STRIP), (right, top), (right, top + STRIP)];
        area.draw(&Polygon::new(corners, color))?;
    }
    Ok(())
}

/// What `draw` draws, to be stretched over whatever room there is. Whoever places it says in words what it shows.
fn svg(size: (i32, i32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> io::Result<Markup> {
    let pixels = |length: i32| u32::try_from(length).unwrap_or(0);
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (pixels(size.0), pixels(size.1))).into_drawing_area();
        draw(&area).and_then(|()| area.present()).map_err(io::Error::other)?;
    }
    // The library's outermost element has a fixed size; the one below bends.
    let inside = text.split_once('>').and_then(|(_, rest)| rest.rsplit_once("</svg>")).map_or("", |(inside, _)| inside);
    let view_box = format!("0 0 {} {}", size.0, size.1);
    Ok(html! {
        svg viewBox=(view_box) preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            (PreEscaped(inside.replace(r#" opacity="1""#, "").replace(r#" stroke="none""#, "").replace('\n', "")))
        }
    })
}

fn left_of(column: usize) -> i32 {
    i32::try_from(column).map_or(i32::MAX, |column| column.saturating_mul(COLUMN))
}

/// One mark on its own, for a legend.
pub(super) fn sample(outcome: Outcome) -> io::Result<Markup> {
    svg((COLUMN - GAP, STRIP), |area| draw_mark(area, 0, 0, outcome))
}

/// A test's outcomes, a column for each run; nothing where it did not take part.
pub(super) fn strip(outcomes: &[Option<Outcome>]) -> io::Result<Markup> {
    svg((left_of(columns(outcomes.len())), STRIP), |area| {
        for (column, outcome) in (0..).zip(outcomes) {
            if let Some(outcome) = outcome {
                draw_mark(area, left_of(column), 0, *outcome)?;
            }
        }
        Ok(())
    })
}

/// Runs as bars, as high as they took long, each above the mark of what became of it.
pub(super) fn bars(runs: &[(Option<Duration>, Outcome)]) -> io::Result<Markup> {
    let longest = runs.iter().filter_map(|(took, _)| *took).max().unwrap_or_default().as_secs_f64();
    svg((left_of(columns(runs.len())), BARS + BETWEEN + STRIP), |area| {
        for (column, (took, outcome)) in (0..).zip(runs) {
            let x = left_of(column);
            if let Some(took) = took.filter(|_| longest > 0.0) {
                #[expect(clippy::cast_possible_truncation, reason = "a share of the height of the bars")]
                let height = (took.as_secs_f64() / longest * f64::from(BARS)).ceil() as i32;
                let color = if *outcome == Outcome::Passed { ink::USUAL } else { mark(*outcome).0 };
                let corners = [(x, BARS - height), (x + COLUMN - GAP, BARS)];
                area.draw(&Rectangle::new(corners, color.filled()))?;
            }
            draw_mark(area, x, BARS + BETWEEN, *outcome)?;
        }
        Ok(())
    })
}

/// A line over equal steps, from nothing to the most of its values: noise stays as small as it is.
pub(super) fn line(values: &[f64], size: (i32, i32)) -> io::Result<Markup> {
    let (_, most) = bounds(values);
    svg(size, |area| {
        let mut chart = ChartBuilder::on(area).margin(2).build_cartesian_2d(0..last(values), 0.0..most)?;
        chart.draw_series(LineSeries::new((0..).zip(values.iter().copied()), &ink::LINE))?;
        Ok(())
    })
}

/// A line over a shaded area, from the least to the most of its values.
pub(super) fn area(values: &[f64], size: (i32, i32)) -> io::Result<Markup> {
    let (least, most) = bounds(values);
    svg(size, |area| {
        let mut chart = ChartBuilder::on(area).margin_top(2).build_cartesian_2d(0..last(values), least..most)?;
        let points = (0..).zip(values.iter().copied());
        chart
            .draw_series(AreaSeries::new(points, least, ink::LINE.mix(0.14)).border_style(ink::LINE.stroke_width(2)))?;
        Ok(())
    })
}

fn last(values: &[f64]) -> i32 {
    i32::try_from(values.len()).map_or(i32::MAX, |length| length - 1).max(1)
}

/// The least and the most, apart enough to draw between.
fn bounds(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match most - least {
        apart if !apart.is_finite() => (0.0, 1.0),
        // A steady value is a line through the middle.
        apart if apart <= f64::EPSILON * most.abs() || apart == 0.0 => (least - 1.0, most + 1.0),
        _ => (least, most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ink_has_its_colour_in_the_style_sheet() {
        let css = include_str!("page.css");
        for RGBColor(red, green, blue) in ink::ALL {
            for attribute in ["fill", "stroke"] {
                let selector = format!("[{attribute}=\"#{red:02X}{green:02X}{blue:02X}\"]");
                assert!(css.contains(&selector), "{selector}");
            }
        }
    }

    #[test]
    fn no_two_outcomes_have_one_shape() {
        let shapes: std::collections::BTreeSet<_> = Outcome::ALL.map(|outcome| mark(outcome).1).into();
        assert_eq!(shapes.len(), Outcome::ALL.len());
    }

    #[test]
    fn a_short_history_begins_at_the_left_and_is_not_blown_up() {
        let strip = strip(&[None, Some(Outcome::Failed)]).unwrap().into_string();
        assert!(
            strip.contains(r#"viewBox="0 0 400 18""#) && strip.contains(r#"<rect x="10" y="0" width="8""#),
            "{strip}"
        );
        assert_eq!(strip.matches("<rect").count(), 1);
    }

    #[test]
    fn any_values_make_a_line() {
        for values in [&[][..], &[1.0], &[2.0, 2.0], &[0.0, 0.0], &[1.0, f64::NAN], &[1e300, -1e300, 1.0]] {
            assert!(line(values, (100, 20)).unwrap().into_string().starts_with("<svg"), "{values:?}");
            assert!(area(values, (100, 20)).unwrap().into_string().starts_with("<svg"), "{values:?}");
        }
    }
}
