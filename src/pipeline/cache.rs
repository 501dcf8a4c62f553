//! What a step depended on when it passed, kept so that it need not run again where nothing of that changed.
