"""Writes vectors.json: what SciPy and statsmodels say of made-up samples. pip install scipy statsmodels; python vectors.py"""

import json
import pathlib
import sys

import numpy
import scipy
import statsmodels
from scipy import stats
from statsmodels.stats.multitest import multipletests

random = numpy.random.default_rng(7)
exact = stats.PermutationMethod(n_resamples=10**7)


def rounded(values):
    return [round(float(value), 6) for value in values]


signed, ranked, adjusted, described = [], [], [], []
for size in (3, 4, 5, 8, 10, 13):
    for shift in (0, 0.4, 1.5):
        sample = rounded(random.normal(shift, 1, size))
        signed.append({"differences": sample, "p": stats.wilcoxon(sample, method="exact").pvalue})
# With ties: all signs, and all ways to choose, are gone through.
for size in (4, 6, 9):
    sample = [float(value) for value in random.integers(-2, 4, size) if value != 0]
    signed.append({"differences": sample, "p": stats.wilcoxon(sample, method=exact).pvalue})
for one, other in ((3, 3), (3, 5), (5, 5), (8, 6), (10, 10)):
    for shift in (0, 1.2):
        a, b = rounded(random.normal(shift, 1, one)), rounded(random.normal(0, 1, other))
        ranked.append({"one": a, "other": b, "p": stats.mannwhitneyu(a, b, method="exact").pvalue})
for one, other in ((4, 4), (5, 6)):
    a, b = ([float(value) for value in random.integers(0, 5, size)] for size in (one, other))
    ranked.append({"one": a, "other": b, "p": stats.mannwhitneyu(a, b, method=exact).pvalue})
for size in (1, 2, 5, 12):
    ps = [round(float(value), 4) for value in random.uniform(0, 0.2, size)]
    adjusted.append({"ps": ps, "adjusted": list(map(float, multipletests(ps, method="holm")[1]))})
for size in (1, 2, 7, 10):
    sample = rounded(random.lognormal(0, 1, size))
    shares = [0, 0.025, 0.25, 0.5, 0.9, 1]
    described.append(
        {
            "samples": sample,
            "quantiles": [[share, float(numpy.quantile(sample, share))] for share in shares],
            "mad": float(stats.median_abs_deviation(sample)),
        }
    )

source = {
    "by": f"SciPy {scipy.__version__}, NumPy {numpy.__version__}, statsmodels {statsmodels.__version__}",
    "script": pathlib.Path(__file__).name,
}
vectors = {"source": source, "signedRank": signed, "rankSum": ranked, "holm": adjusted, "describe": described}
pathlib.Path(sys.argv[0]).with_name("vectors.json").write_text(json.dumps(vectors, indent=1) + "\n")
