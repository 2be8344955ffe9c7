#!/bin/bash
# ALPS on an older Cray: qsub aprun.sh
#PBS -l mppwidth=4 -l mppnppn=2 -l walltime=00:10:00
set -eu
cd "${PBS_O_WORKDIR:-.}"
export PYTHON_MPI_PKGROOT=$SCRATCH/packages
export PYTHON_MPI_PACKAGES=mine.tar.gz
export PYTHON_MPI_SIZE=4
export PYTHON_MPI_RENDEZVOUS=$SCRATCH/.python-mpi
aprun -n 4 -N 2 python-mpi hello.py
