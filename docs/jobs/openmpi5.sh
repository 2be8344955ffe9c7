#!/bin/bash
# Open MPI 5 on the nodes of a host file, this one among them: ./openmpi5.sh
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
mpirun --hostfile hosts -n 4 -x PYTHON_MPI_PKGROOT -x PYTHON_MPI_PACKAGES python-mpi hello.py
