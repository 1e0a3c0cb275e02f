# Economy by year and origin: how many cars, their mean and standard deviation.
# Usage: Rscript by_origin.R FOLDER-OF-CSV OUT-FILE

words <- commandArgs(trailingOnly = TRUE)
if (length(words) != 2) stop("usage: Rscript by_origin.R FOLDER-OF-CSV OUT-FILE")

files <- sort(list.files(words[1], pattern = "[.]csv$", recursive = TRUE, full.names = TRUE))
if (length(files) == 0) stop("no CSV file below ", words[1])

cars <- do.call(rbind, lapply(files, read.csv))
known <- cars[!is.na(cars$Miles_per_Gallon), ]
groups <- split(known$Miles_per_Gallon, list(known$Year, known$Origin), drop = TRUE)

names <- do.call(rbind, strsplit(names(groups), ".", fixed = TRUE))
table <- data.frame(
  year = as.integer(names[, 1]),
  origin = names[, 2],
  cars = as.integer(lengths(groups)),
  mean = round(vapply(groups, mean, numeric(1)), 4),
  sd = round(vapply(groups, sd, numeric(1)), 4)
)
table <- table[order(table$year, table$origin), ]
write.csv(table, words[2], row.names = FALSE, quote = FALSE)
message(nrow(table), " groups of ", nrow(known), " cars")
