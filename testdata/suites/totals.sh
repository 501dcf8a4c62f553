#!/bin/sh
printf '\033[32m  Total Tests: 10\033[0m\n  Passed: 9\n  Failed: 1\n'
exit 1
