#!/bin/bash
# Open MPI 4 in an allocation of Slurm: sbatch openmpi4.sh
#SBATCH --nodes=2 --ntasks-per-node=2 --time=00:10:00
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
mpirun -x PYTHON_MPI_PKGROOT -x PYTHON_MPI_PACKAGES python-mpi hello.py
