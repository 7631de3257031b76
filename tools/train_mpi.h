/* cl_train under mpirun, if it is built with CEN_MPI. */
#ifndef TOOLS_TRAIN_MPI_H
#define TOOLS_TRAIN_MPI_H

/* Sets `ranks` if mpirun has started this process with others. */
void mpi_begin(int *argc, char ***argv);

/* Waits for the others, and ends them if one has failed by itself. Does not return if there are others. */
void mpi_end(int code);

#endif
