#!/bin/bash
# Slurm, by hand in an allocation: salloc --nodes=2 --ntasks-per-node=2 ./salloc.sh
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
# What stays on the nodes is there at once for the second run.
export PYTHON_MPI_KEEP=1
srun python-mpi hello.py
srun python-mpi hello.py
