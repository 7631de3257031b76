"""Makes format_features.faiss and faiss_empty.faiss for test_features with faiss: the index of the features of
format.py, and one without rows. Run in this folder after format.py, with faiss-cpu and numpy: python faiss_index.py

With a file, it prints how faiss reads it: class, dimension, rows and the distances of a search for the first row."""
import sys

import faiss
import numpy

if len(sys.argv) > 1:
    index = faiss.read_index(sys.argv[1])
    print(type(index).__name__, index.d, index.ntotal, index.search(index.reconstruct(0)[None], 2))
else:
    x = numpy.load("format_features.npy")
    index = faiss.IndexFlatL2(x.shape[1])
    index.add(x)
    faiss.write_index(index, "format_features.faiss")
    faiss.write_index(faiss.IndexFlatL2(5), "faiss_empty.faiss")
