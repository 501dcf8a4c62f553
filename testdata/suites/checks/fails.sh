#!/bin/sh
echo "the third check found something" >&2
exit 3
