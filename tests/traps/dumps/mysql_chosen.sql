-- MySQL dump
CREATE TABLE `people` (`id` int, `iin` char(12), `name` text);
INSERT INTO `people` VALUES (1,'600110390009','O\'Marker; (x)'),(2,'630211490007',NULL),
(3,'660312390008),(4,'690413490009','x');
INSERT INTO `people` (`iin`,`name`) VALUES ('720514390006','other columns');
INSERT INTO `people` VALUES (5,'750615490000','x');
CREATE TABLE `shops` (`iin` char(12));
INSERT INTO `shops` VALUES ('780716390009');
