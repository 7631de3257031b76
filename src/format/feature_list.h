/* The formats of feature files, in the order of cen_features_format. One line here makes a format known. */
CEN__FEATURE_FORMAT(npy)
CEN__FEATURE_FORMAT(csv)
CEN__FEATURE_FORMAT(fvecs)
CEN__FEATURE_FORMAT(projector)
CEN__FEATURE_FORMAT(faiss)
