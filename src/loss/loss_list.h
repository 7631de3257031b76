/* The losses, in the order of cen_loss. One line here makes a loss known. */
CEN__LOSS(center)
CEN__LOSS(triplet_hard)
CEN__LOSS(triplet_semi_hard)
CEN__LOSS(contrastive)
CEN__LOSS(cosface)
