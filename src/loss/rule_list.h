/* The center rules, in the order of cen_center_mode. One line here makes a rule known. */
CEN__RULE(adam)
CEN__RULE(adam_dense)
CEN__RULE(mean)
