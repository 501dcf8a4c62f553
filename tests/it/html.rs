//! The HTML report as text: what it holds, what it never holds, and how large it becomes.
