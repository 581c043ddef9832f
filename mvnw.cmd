@echo off
rem Runs the pinned Maven on a JDK 25. mvnw is the full script; this one looks in fewer places.
setlocal enabledelayedexpansion
set "VERSION=3.9.16"
set "SHA512=ed41650d42485cfc243fad22158caf9cbb5dc408ce7a09ddb94dd42a019de929ca43065bfa450612cf12bf78b5cafa3884b96c090de326ff590448c933454af3"
set "URL=https://archive.apache.org/dist/maven/maven-3/%VERSION%/binaries/apache-maven-%VERSION%-bin.zip"

call :is25 "%JAVA_HOME%" && goto jdk
for %%B in ("%ProgramFiles%\Eclipse Adoptium" "%ProgramFiles%\Java" "%ProgramFiles%\Microsoft" "%ProgramFiles%\Zulu" "%ProgramFiles%\Amazon Corretto") do (
  for /d %%J in ("%%~B\*25*") do call :is25 "%%~J" && set "JAVA_HOME=%%~J" && goto jdk
)
echo mvnw: no JDK 25 found (JAVA_HOME, %ProgramFiles%); install one or set JAVA_HOME 1>&2
exit /b 1

:is25
if "%~1"=="" exit /b 1
if not exist "%~1\bin\javac.exe" exit /b 1
findstr /b /c:"JAVA_VERSION=\"25." /c:"JAVA_VERSION=\"25\"" "%~1\release" >nul 2>&1
exit /b

:jdk
set "PARENT=%USERPROFILE%\.m2\wrapper\dists\apache-maven-%VERSION%"
set "MAVEN=%PARENT%\%SHA512:~0,16%"
if exist "%MAVEN%\bin\mvn.cmd" goto run
set "WORK=%PARENT%\unpack-%RANDOM%"
mkdir "%WORK%" || exit /b 1
curl -fsSL -o "%WORK%\maven.zip" "%URL%" || (
  rmdir /s /q "%WORK%"
  echo mvnw: cannot fetch %URL%; unpack it at %MAVEN% 1>&2
  exit /b 1
)
set "GOT="
for /f "skip=1 delims=" %%H in ('certutil -hashfile "%WORK%\maven.zip" SHA512') do if not defined GOT set "GOT=%%H"
set "GOT=%GOT: =%"
if /i not "%GOT%"=="%SHA512%" (
  rmdir /s /q "%WORK%"
  echo mvnw: Maven %VERSION%: SHA-512 of the fetched zip is %GOT%, expected %SHA512%; nothing was installed 1>&2
  exit /b 1
)
pushd "%WORK%" && "%JAVA_HOME%\bin\jar" -xf maven.zip && popd
move "%WORK%\apache-maven-%VERSION%" "%MAVEN%" >nul || exit /b 1
rmdir /s /q "%WORK%"

:run
"%MAVEN%\bin\mvn.cmd" %*
