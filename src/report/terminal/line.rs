//! What stands below everything else on a terminal, and is drawn again and again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// What the drawing thread looks at, too.
#[derive(Debug, Default)]
pub(in crate::report) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    pub(in crate::report) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often it is drawn.
const TICK: Duration = Duration::from_millis(100);

/// One line or several: what they say after a time, in so many columns.
type Draw = dyn Fn(Duration, usize) -> String + Send + Sync;

/// The line on its terminal.
pub(in crate::report) struct Line {
    pub(in crate::report) bars: MultiProgress,
    draw: Arc<Draw>,
    bar: Option<ProgressBar>,
}

impl Line {
    pub(in crate::report) fn new(
        target: ProgressDrawTarget,
        draw: impl Fn(Duration, usize) -> String + Send + Sync + 'static,
    ) -> Self {
        Self { bars: MultiProgress::with_draw_target(target), draw: Arc::new(draw), bar: None }
    }

    /// Draws from now on what has been going on for so long.
    pub(in crate::report) fn begin(&mut self, elapsed: Duration) {
        if let Some(bar) = self.bar.take() {
            let bar = bar.with_elapsed(elapsed);
            bar.tick();
            self.bar = Some(bar);
            return;
        }
        let draw = Arc::clone(&self.draw);
        let style = ProgressStyle::default_bar().with_key(
            "line",
            move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                // Asked each time: windows are resized. The last column stays free, or the terminal would wrap.
                let width = usize::from(console::Term::stderr().size().1).saturating_sub(1);
                let _ = out.write_str(&draw(state.elapsed(), width));
            },
        );
        let Ok(style) = style.template("{line}") else { return };
        let bar = self.bars.add(ProgressBar::no_length().with_style(style).with_elapsed(elapsed));
        bar.enable_steady_tick(TICK);
        self.bar = Some(bar);
    }

    /// Takes the line off the terminal.
    pub(in crate::report) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.disable_steady_tick();
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }
}

impl Drop for Line {
    /// A run that ends without its last fact leaves no line behind.
    fn drop(&mut self) {
        self.end();
    }
}
