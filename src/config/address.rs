//! Addresses as they may be shown: without their passwords.

/// `user:***@host`, and no value of a parameter whose name speaks of a password.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "***".to_owned() };
    // A password may hold a bare `/` or `?`: whatever stands before the last `@` is taken for credentials.
    let (credentials, place) = rest.rsplit_once('@').map_or((None, rest), |(left, right)| (Some(left), right));
    let user = credentials.map_or(String::new(), |credentials| match credentials.split_once(':') {
        Some((user, _)) => format!("{user}:***@"),
        None => format!("{credentials}@"),
    });
    let place = match place.split_once('?') {
        Some((place, query)) => {
            let parameters: Vec<String> = query.split('&').map(parameter_without_password).collect();
            format!("{place}?{}", parameters.join("&"))
        }
        None => place.to_owned(),
    };
    format!("{scheme}://{user}{place}")
}

/// A word of a command, or a line of it, in which addresses may stand: without their passwords.
#[must_use]
pub fn word_without_passwords(word: &str) -> String {
    let mut pieces = word.split("://");
    let mut shown = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '"' | '\'');
        let (authority, rest) = piece.split_at(piece.find(ends).unwrap_or(piece.len()));
        shown.push_str("://");
        match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
            Some((user, host)) => shown.push_str(&format!("{user}:***@{host}")),
            None => shown.push_str(authority),
        }
        shown.push_str(rest);
    }
    shown
}

fn parameter_without_password(parameter: &str) -> String {
    match parameter.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("pass") => format!("{name}=***"),
        _ => parameter.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_never_shown() {
        for (url, shown) in [
            ("postgres://ci:s3cret@db:5432/gate", "postgres://ci:***@db:5432/gate"),
            ("postgres://ci:s3/c?r@et@db/gate", "postgres://ci:***@db/gate"),
            ("postgres://ci@db/gate?sslmode=require", "postgres://ci@db/gate?sslmode=require"),
            ("postgres://db/gate?user=ci&password=s3cret", "postgres://db/gate?user=ci&password=***"),
            ("postgres://db", "postgres://db"),
            ("s3cret", "***"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn commands_are_shown_without_the_passwords_of_their_addresses() {
        for (word, shown) in [
            ("--url=https://ci:s3cret@host/x?y=a@b", "--url=https://ci:***@host/x?y=a@b"),
            (
                "curl 'ftp://a:b:c@h' && curl https://u@h/p:q@r \"ws://:x@h\"",
                "curl 'ftp://a:***@h' && curl https://u@h/p:q@r \"ws://:***@h\"",
            ),
            ("git@host:repo", "git@host:repo"),
            ("://", "://"),
            ("docker://r/x:tag@sha256:1", "docker://r/x:tag@sha256:1"),
            ("", ""),
        ] {
            assert_eq!(word_without_passwords(word), shown);
        }
    }
}
