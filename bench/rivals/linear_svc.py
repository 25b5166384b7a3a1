"""The rival of bench/classifiers.bench.ts: scikit-learn's LinearSVC. Reads commands from standard input, one a line:
X Y ROWS COLUMNS C (float32 matrix and int32 labels in raw files); fits, writes coefficients and intercepts (float64) to
X.coef and answers with two lines: the seconds it took by the clock, and of processor time."""
import os
import sys
import time
import warnings

import numpy as np
import sklearn
from sklearn.svm import LinearSVC

# LIBLINEAR's inner products go through the BLAS.
assert os.environ.get("OPENBLAS_CORETYPE"), "start me from the benchmark"
warnings.filterwarnings("ignore")

print(f"scikit-learn {sklearn.__version__}, numpy {np.__version__}", flush=True)
for line in sys.stdin:
    path, labels, rows, columns, C = line.split()
    # LIBLINEAR computes in float64: converted outside the clock.
    x = np.fromfile(path, dtype=np.float32).reshape(int(rows), int(columns)).astype(np.float64)
    y = np.fromfile(labels, dtype=np.int32)
    start, busy = time.perf_counter(), time.process_time()
    model = LinearSVC(C=float(C), random_state=0).fit(x, y)
    seconds = f"{time.perf_counter() - start}\n{time.process_time() - busy}"
    np.concatenate([model.coef_.ravel(), model.intercept_]).tofile(path + ".coef")
    print(seconds, flush=True)
