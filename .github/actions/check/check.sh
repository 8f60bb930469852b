#!/usr/bin/env bash
# Runs `evalgpt check`, puts its Markdown into the job's summary, and ends with its exit code:
# 0 no regression, 1 regression, 2 not comparable or another mistake, 3 inconclusive.
set -uo pipefail

mkdir -p "$REPORTS"
rm -f "$REPORTS"/{junit.xml,summary.md,check.json,check.html}
arguments=(--baseline "$BASELINE")
[ -n "${MODEL:-}" ] && arguments+=(--model "$MODEL")
[ -n "${CANDIDATE:-}" ] && arguments+=(--candidate "$CANDIDATE")
while IFS= read -r line; do
  [ -n "$line" ] && arguments+=("$line")
done <<< "${ARGS:-}"

# The command is words of a shell by intent; the arguments are not.
# shellcheck disable=SC2086
$COMMAND check "${arguments[@]}" \
  --junit "$REPORTS/junit.xml" --markdown "$REPORTS/summary.md" \
  --json "$REPORTS/check.json" --html "$REPORTS/check.html" 2> >(tee "$REPORTS/stderr.txt" >&2)
code=$?

verdict=''
if [ -f "$REPORTS/check.json" ]; then
  verdict=$(node -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8")).verdict' "$REPORTS/check.json")
fi
[ -n "${GITHUB_OUTPUT:-}" ] && echo "verdict=$verdict" >> "$GITHUB_OUTPUT"
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  if [ -f "$REPORTS/summary.md" ]; then
    cat "$REPORTS/summary.md" >> "$GITHUB_STEP_SUMMARY"
  else
    # Nothing was compared: the last line says why.
    { echo '### evalgpt check could not compare'; echo; echo '```'; tail -n 1 "$REPORTS/stderr.txt"; echo '```'; } >> "$GITHUB_STEP_SUMMARY"
  fi
fi
exit "$code"
