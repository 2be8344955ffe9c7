#!/bin/bash
# MPICH in an allocation of Slurm: sbatch mpich.sh
#SBATCH --nodes=2 --ntasks-per-node=2 --time=00:10:00
set -eu
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
mpiexec -n 4 -ppn 2 python-mpi hello.py
