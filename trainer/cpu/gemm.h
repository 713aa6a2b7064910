// Matrix products. A tile of kTileRows x (kTileVectors * kLanes) results is held in registers while
// K is walked; B comes in panels as wide as a tile, so that it is read in order.
#if BALLAST_LANES == 16
constexpr int kTileRows = 12, kTileVectors = 2;  // 24 of 32 registers
#elif BALLAST_LANES == 8
constexpr int kTileRows = 6, kTileVectors = 2;  // 12 of 16
#else
constexpr int kTileRows = 4, kTileVectors = 2;  // 8 of 16
#endif
constexpr int64_t kPanel = kTileVectors * kLanes;

// C (R, columns) = or += A B over K. A(i,k) is a[i * lda + k], or a[k * lda + i] if kTransposedA.
// B's rows must be readable for Vectors * kLanes columns.
template <int R, int Vectors, bool kTransposedA, bool kAccumulate>
void tile(int64_t K, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
          int64_t ldc, int64_t columns) {
  V sums[R][Vectors] = {};
  for (int64_t k = 0; k < K; ++k) {
    V row[Vectors];
    for (int j = 0; j < Vectors; ++j) row[j] = load(b + j * kLanes);
    for (int i = 0; i < R; ++i) {
      const float x = kTransposedA ? a[i] : a[i * lda];
      for (int j = 0; j < Vectors; ++j) sums[i][j] += x * row[j];
    }
    a += kTransposedA ? lda : 1;
    b += ldb;
  }
  for (int i = 0; i < R; ++i) {
    float* out = c + i * ldc;
    for (int j = 0; j < Vectors; ++j) {
      float* at = out + j * kLanes;
      const int64_t left = columns - j * kLanes;
      if (left >= kLanes)
        store(at, kAccumulate ? load(at) + sums[i][j] : sums[i][j]);
      else if (left > 0)
        store_part(at, kAccumulate ? load_part(at, left) + sums[i][j] : sums[i][j], left);
    }
  }
}

// All rows of one panel, in tiles as equal as they can be: 29 rows are 10 + 10 + 9, since tiles of
// few rows do not fill the processor.
template <int Vectors, bool kTransposedA, bool kAccumulate, int R = kTileRows>
void rows_of(int64_t rows, int64_t K, const float* a, int64_t lda, const float* b, int64_t ldb,
             float* c, int64_t ldc, int64_t columns) {
  if constexpr (R > 0) {
    if (rows == R)
      tile<R, Vectors, kTransposedA, kAccumulate>(K, a, lda, b, ldb, c, ldc, columns);
    else
      rows_of<Vectors, kTransposedA, kAccumulate, R - 1>(rows, K, a, lda, b, ldb, c, ldc, columns);
  }
}
template <int Vectors, bool kTransposedA, bool kAccumulate>
void panel(int64_t M, int64_t K, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
           int64_t ldc, int64_t columns) {
  for (int64_t tiles = (M + kTileRows - 1) / kTileRows; tiles > 0; --tiles) {
    const int64_t rows = (M + tiles - 1) / tiles;
    rows_of<Vectors, kTransposedA, kAccumulate>(rows, K, a, lda, b, ldb, c, ldc, columns);
    a += rows * (kTransposedA ? 1 : lda);
    c += rows * ldc;
    M -= rows;
  }
}

// B lies in panels of `step` elements' distance (packed), or as a matrix whose rows may be read up
// to the next multiple of kLanes columns (step = kPanel).
template <bool kTransposedA, bool kAccumulate>
void product(int64_t M, int64_t N, int64_t K, const float* a, int64_t lda, const float* b,
             int64_t ldb, int64_t step, float* c, int64_t ldc) {
  for (int64_t j = 0; j < N; j += kPanel, b += step) {
    const int64_t columns = N - j < kPanel ? N - j : kPanel;
    if (columns > kLanes)
      panel<kTileVectors, kTransposedA, kAccumulate>(M, K, a, lda, b, ldb, c + j, ldc, columns);
    else
      panel<1, kTransposedA, kAccumulate>(M, K, a, lda, b, ldb, c + j, ldc, columns);
  }
}

int64_t packed_size(int64_t K, int64_t N) { return (N + kPanel - 1) / kPanel * kPanel * K; }

void pack(int64_t K, int64_t N, const float* b, int64_t ld, bool transposed, float* packed) {
  for (int64_t j = 0; j < N; j += kPanel, packed += kPanel * K) {
    const int64_t columns = N - j < kPanel ? N - j : kPanel;
    if (transposed) {
      transpose(columns, K, b + j * ld, ld, packed, kPanel);
    } else {
      for (int64_t k = 0; k < K; ++k)
        for (int64_t i = 0; i < columns; ++i) packed[k * kPanel + i] = b[k * ld + j + i];
    }
    for (int64_t k = 0; k < K && columns < kPanel; ++k)
      for (int64_t i = columns; i < kPanel; ++i) packed[k * kPanel + i] = 0;
  }
}

void gemm(int64_t M, int64_t N, int64_t K, const float* a, int64_t lda, const float* packed,
          float* c, int64_t ldc, bool accumulate) {
  if (accumulate)
    product<false, true>(M, N, K, a, lda, packed, kPanel, kPanel * K, c, ldc);
  else
    product<false, false>(M, N, K, a, lda, packed, kPanel, kPanel * K, c, ldc);
}

// K is walked in blocks; a block of B is copied panel by panel, which also pads its last columns.
void gemm_tn(int64_t M, int64_t N, int64_t K, const float* a, int64_t lda, const float* b,
             int64_t ldb, float* c, int64_t ldc) {
  constexpr int64_t kBlock = 128;
  alignas(64) float copy[kBlock * kPanel];
  for (int64_t k = 0; k < K; k += kBlock) {
    const int64_t depth = K - k < kBlock ? K - k : kBlock;
    for (int64_t j = 0; j < N; j += kPanel) {
      const int64_t columns = N - j < kPanel ? N - j : kPanel;
      pack(depth, columns, b + k * ldb + j, ldb, false, copy);
      product<true, true>(M, columns, depth, a + k * lda, lda, copy, kPanel, kPanel, c + j, ldc);
    }
  }
}
