"""The same records packed in every way, base64, for tests/data/decode.test.ts.

make_packed.py > tests/vectors/packed.json   (needs pyarrow and the zstd program)
"""
import base64, bz2, gzip, io, json, subprocess, sys
import pyarrow as pa, pyarrow.parquet as pq

ROWS = [
    {"id": f"row {i}", "text": t, "number": i, "right": i % 2 == 0, "parts": [t, t.upper()], "nested": {"label": f"l{i}"}}
    for i, t in enumerate(["a first line", "naïve – 北京 🐝", "", "tab\tand \"quotes\""] * 3)
]
text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in ROWS).encode()
packed = {
    "gz": gzip.compress(text, mtime=0),
    "bz2": bz2.compress(text),
    "zst": subprocess.run(["zstd", "-q", "-19"], input=text, capture_output=True, check=True).stdout,
}
for codec in ("none", "snappy", "gzip", "zstd", "brotli", "lz4"):
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), out, compression=codec, row_group_size=5)
    packed[f"parquet {codec}"] = out.getvalue()
json.dump(
    {"command": "make_packed.py > tests/vectors/packed.json", "pyarrow": pa.__version__, "rows": ROWS,
     "packed": {name: base64.b64encode(b).decode() for name, b in packed.items()}},
    sys.stdout, ensure_ascii=False, indent=1,
)
print()
